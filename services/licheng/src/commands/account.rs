//! `licheng account …`: temporary accounts, for whom the city's single sign-on doesn't know (yet).

use anyhow::{Context as _, Result};
use identity::temporary::{self, NewAccount};
use kernel::{clock::Clock, role::Role, school::SchoolCode};
use ops::config::Config;
use time::Duration;

use crate::house::House;

/// What to do with temporary accounts.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// A new account; prints its first password, which must be changed at the first log-in.
    Create(Create),
    /// A new password for an account, which unlocks it as well.
    Reset {
        /// The login name.
        login: String,
    },
}

/// An account to be given out.
#[derive(clap::Args, Debug)]
pub struct Create {
    /// The login name.
    login: String,
    /// The name to show.
    #[arg(long)]
    name: String,
    /// The role, such as `school_admin` or `bureau`.
    #[arg(long)]
    role: Role,
    /// The school; `000000` for the city's own roles.
    #[arg(long, default_value = "000000")]
    school: SchoolCode,
    /// The account under which the school's rosters name the person: then it is the same person.
    #[arg(long)]
    roster_account: Option<String>,
    /// Days until it ends by itself.
    #[arg(long, default_value_t = 30)]
    days: u16,
}

/// Runs the action as the identity service's role.
pub async fn run(action: Action) -> Result<()> {
    let house = House::build(Config::from_env()?, Clock::System)?;
    let db = house.db("identity")?;
    let (now, request_id) = (house.clock.now(), format!("cli-{}", hex::encode(house.keys.random::<6>())));
    let password = temporary::generate_password(&house.keys);
    let login = match action {
        Action::Create(create) => {
            let account = NewAccount {
                login: create.login,
                name: create.name,
                school: create.school,
                role: create.role,
                roster_account: create.roster_account,
                expires_at: Some(now + Duration::days(create.days.into())),
            };
            temporary::create(&db, &request_id, now, &account, &password).await.context("creating the account")?;
            account.login
        }
        Action::Reset { login } => {
            let reset = temporary::reset(&db, &request_id, now, &login, &password);
            let person = reset.await.context("resetting the account")?;
            let ended = house.web.sessions().destroy_by_person(person).await;
            let ended = ended.context("the old password is void, but who is logged in stays so: reset it again")?;
            println!("sessions  {ended} ended");
            login
        }
    };
    println!("login     {login}");
    println!("password  {password}   (to be changed at the first log-in)");
    Ok(())
}
