//! The demo city's accounts. Never served elsewhere.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use kernel::{role::Role, school::SchoolCode};
use store::{Error, TenantTx};
use web::{Answer, Page, Problem, Visitor};

use crate::{Room, trail};

/// The password of everybody in the demo city's directory.
pub const DEMO_PASSWORD: &str = "licheng-demo";

#[derive(Template)]
#[template(path = "demo/show.html")]
struct Demo {
    page: Page,
    password: &'static str,
    houses: Vec<House>,
}

/// A school, or the city, with one account for each role.
struct House {
    code: String,
    name: String,
    accounts: Vec<Account>,
}

struct Account {
    role: Role,
    login: String,
    name: String,
}

impl Account {
    /// What there is to try with it.
    fn to_try(&self) -> &'static str {
        match self.role {
            Role::Student => "看檔案櫃、上傳課程學習成果、送出認證、勾選、確認收訖明細",
            Role::CourseTeacher => "認證學生的課程學習成果：開啟檔案、通過或不通過、發佈",
            Role::CourseCounsellor => "登錄個別或團體的課程諮詢紀錄",
            Role::OutcomeSubmitter => "查看勾選進度、預檢、提交課程學習成果名冊到中央資料庫",
            Role::ActivitySubmitter => "查看勾選進度、預檢、提交多元表現名冊到中央資料庫",
            Role::SchoolAdmin => "匯入名冊（先試算再套用，可還原）、設定作業時間",
            Role::Bureau => "看各校的進度；看不到任何學生的個人資料",
            Role::Operator => "看各校的進度",
            Role::HomeroomTeacher => "看班上學生的課程諮詢紀錄；同時任課的老師可以切換身分去認證",
            Role::GuidanceCounsellor => "看輔導班級學生的課程諮詢紀錄",
            _ => "登入並切換身分",
        }
    }
}

/// `GET /demo`.
pub(crate) async fn show(visitor: Visitor, State(room): State<Arc<Room>>) -> Answer {
    if !room.web.settings().demo {
        return Err(Problem::NotFound);
    }
    let mut tx = room.db.read(&trail::city(&visitor), "identity.demo.list").await?;
    let houses = houses(&mut tx).await?;
    drop(tx);
    web::html(&Demo { page: visitor.page("示範城市的帳號"), password: DEMO_PASSWORD, houses })
}

/// One account for each role and school: the one whose rows came first, which the seed fills best.
async fn houses(tx: &mut TenantTx) -> Result<Vec<House>, Error> {
    let rows = sqlx::query!(
        r#"select distinct on (m.school_code, m.role) m.school_code, m.role, a.login, m.name, s.short_name as "school?"
           from identity.membership m
           join identity.account a on a.person_id = m.person_id
           left join school.school s on s.school_code = m.school_code
           order by m.school_code, m.role, m.subject_id, a.login"#
    )
    .fetch_all(tx.conn())
    .await?;
    let mut houses: Vec<House> = Vec::new();
    for row in rows {
        let Ok(role) = row.role.parse() else { continue };
        let account = Account { role, login: row.login, name: row.name };
        match houses.last_mut().filter(|house| house.code == row.school_code) {
            Some(house) => house.accounts.push(account),
            None => {
                let name = row.school.unwrap_or_else(|| "教育局".to_owned());
                houses.push(House { code: row.school_code, name, accounts: vec![account] });
            }
        }
    }
    for house in &mut houses {
        house.accounts.sort_by_key(|account| account.role);
    }
    houses.sort_by_key(|house| house.code == SchoolCode::CITY.as_str());
    Ok(houses)
}
