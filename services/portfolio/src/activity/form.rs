//! The form of an activity: drawn from the table of kinds, checked by it (domain §4.5, F-080).

use std::collections::BTreeMap;

use kernel::{
    calendar::{AcademicYear, RocDate, Term},
    rules::{Ruleset, activity as rules},
    text::{self, Summary, half_width},
};
use serde_json::Value;
use time::Date;
use web::FieldErrors;

use super::{
    Fields, iso_date,
    kinds::{Column, Input, Kind},
};

/// Characters that the roster's columns of hours, credits and scores hold, the point counted (domain §5.7.2).
const DECIMAL_WIDTH: usize = 5;

/// What was typed, by field.
#[derive(Clone, Default)]
pub(crate) struct Typed(BTreeMap<String, String>);

impl From<Vec<(String, String)>> for Typed {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Typed {
    /// What a stored activity looks like in the form.
    pub(crate) fn of(fields: &Fields, summary: &str, link: Option<&str>) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut typed: BTreeMap<_, _> = fields.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        typed.insert("summary".to_owned(), summary.to_owned());
        typed.insert("external_url".to_owned(), link.unwrap_or_default().to_owned());
        Self(typed)
    }

    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }
}

/// A form that holds.
pub(crate) struct Checked {
    pub(crate) fields: Fields,
    pub(crate) summary: Summary,
    pub(crate) external_url: Option<String>,
}

/// Reads the whole form. `has_media`: a link may stand beside a media file only (F-079).
pub(crate) fn read(kind: &Kind, typed: &Typed, rules: &Ruleset, has_media: bool) -> Result<Checked, FieldErrors> {
    let mut errors = FieldErrors::new();
    let fields = read_fields(kind, typed, &mut errors);
    let rest = read_rest(typed, rules, has_media, &mut errors);
    match (errors.is_empty(), rest) {
        (true, Some((summary, external_url))) => Ok(Checked { fields, summary, external_url }),
        _ => Err(errors),
    }
}

/// The own columns alone.
pub(crate) fn read_fields(kind: &Kind, typed: &Typed, errors: &mut FieldErrors) -> Fields {
    let mut fields = Fields::new();
    for column in kind.columns {
        match value(column, typed.get(column.key)) {
            Ok(Some(value)) => {
                fields.insert(column.key.to_owned(), value);
            }
            Ok(None) => {}
            Err(message) => errors.add(column.key, message),
        }
    }
    check_together(&fields, errors);
    fields
}

/// Summary and link, the part that a student adds to a row from the school, too.
pub(crate) fn read_rest(
    typed: &Typed,
    rules: &Ruleset,
    has_media: bool,
    errors: &mut FieldErrors,
) -> Option<(Summary, Option<String>)> {
    let max = usize::try_from(rules.summary_max_chars).unwrap_or(0);
    let summary = Summary::parse(typed.get("summary"), max).map_err(|error| errors.add("summary", error.to_string()));
    let link = Some(typed.get("external_url").trim().to_owned()).filter(|link| !link.is_empty());
    if let Some(link) = &link
        && let Err(refusal) = rules::check_link(link, has_media, rules)
    {
        errors.add("external_url", refusal.to_string());
    }
    Some((summary.ok()?, link))
}

/// One field; `None`: left empty, and may be.
fn value(column: &Column, typed: &str) -> Result<Option<Value>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return if column.required { Err(format!("請填寫{}", column.label)) } else { Ok(None) };
    }
    let whole = |min: i64, max: i64| -> Result<i64, String> {
        let number: Option<i64> = half_width(typed).parse().ok();
        let within = number.filter(|number| (min..=max).contains(number));
        within.ok_or_else(|| format!("{}請填 {min} 到 {max} 的整數", column.label))
    };
    let value = match column.input {
        Input::Text(max) => text::line(typed, max).map_err(|error| error.to_string())?.into(),
        Input::Digits(count) => digits(column.label, typed, count)?.into(),
        Input::Date => date(typed)?.to_string().into(),
        Input::Code(table) => {
            let code = typed.parse::<i16>().ok().filter(|code| table().iter().any(|(entry, _)| entry == code));
            code.ok_or_else(|| format!("請選擇{}", column.label))?.into()
        }
        Input::Number(..) if column.key == "weeks" => {
            let weeks = whole(i64::from(i32::MIN), i64::from(i32::MAX))?;
            rules::check_weeks(weeks).map_err(|refusal| refusal.to_string())?;
            weeks.into()
        }
        Input::Number(min, max) => whole(min, max)?.into(),
        Input::Decimal(places, max) => decimal(column.label, typed, places, max)?.into(),
        Input::Year => typed.parse::<AcademicYear>().map_err(|error| error.to_string())?.get().into(),
        Input::Term => typed.parse::<Term>().map_err(|error| error.to_string())?.get().into(),
    };
    Ok(Some(value))
}

/// What a browser's date field sends, or a date as people write it.
fn date(typed: &str) -> Result<Date, String> {
    iso_date(typed).map_or_else(|| typed.parse::<RocDate>().map(RocDate::date).map_err(|error| error.to_string()), Ok)
}

/// A code of digits.
fn digits(label: &str, typed: &str, count: usize) -> Result<String, String> {
    let plain = half_width(typed);
    let well = plain.len() == count && plain.bytes().all(|byte| byte.is_ascii_digit());
    well.then_some(plain).ok_or_else(|| format!("{label}請填 {count} 個數字"))
}

/// A number with a point, kept as written so that no digit is lost: `7.5`.
fn decimal(label: &str, typed: &str, places: usize, max: i64) -> Result<String, String> {
    let plain = half_width(typed);
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = whole.parse::<i64>().ok().filter(|number| digits(whole) && (0..=max).contains(number));
    let message = || format!("{label}請填大於 0、最多到小數 {places} 位的數字，例如 7.5");
    let number = number.filter(|_| digits(part) && part.len() <= places).ok_or_else(message)?;
    let text = match (number, part.trim_end_matches('0')) {
        (0, "") => return Err(message()),
        (_, "") => number.to_string(),
        (_, part) => format!("{number}.{part}"),
    };
    if text.len() > DECIMAL_WIDTH {
        return Err(format!("{label}連小數點最多 {DECIMAL_WIDTH} 個字元"));
    }
    Ok(text)
}

/// Tenths of an hour in a decimal of at most one place.
fn tenths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    Some(whole.parse::<i64>().ok()? * 10 + part.parse::<i64>().ok()?)
}

/// Dates in order, hours that the days have.
fn check_together(fields: &Fields, errors: &mut FieldErrors) {
    let day = |key| iso_date(fields.get(key)?.as_str()?);
    let (Some(start), Some(end)) = (day("started_on"), day("ended_on")) else { return };
    if let Err(refusal) = rules::check_dates(start, end) {
        errors.add("ended_on", refusal.to_string());
        return;
    }
    let hours = fields.get("hours").and_then(Value::as_str).and_then(tenths);
    if let Some(hours) = hours
        && let Err(refusal) = rules::check_hours(start, end, hours)
    {
        errors.add("hours", refusal.to_string());
    }
}

/// One field as the page draws it.
pub(crate) struct FieldView {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: String,
    pub(crate) required: bool,
    /// The type of the input; `select` for code tables.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    /// Value, label, chosen.
    pub(crate) options: Vec<(String, String, bool)>,
}

/// The fields of a kind as the page draws them.
pub(crate) fn views(kind: &Kind, typed: &Typed, this_year: AcademicYear) -> Vec<FieldView> {
    kind.columns.iter().map(|column| view(column, typed.get(column.key), this_year)).collect()
}

fn view(column: &Column, value: &str, this_year: AcademicYear) -> FieldView {
    let option = |code: i16, label: String| (code.to_string(), label, value == code.to_string());
    let options = match column.input {
        Input::Code(table) => table().into_iter().map(|(code, label)| option(code, label.to_owned())).collect(),
        Input::Term => [Term::FIRST, Term::SECOND].map(|term| option(term.get(), term.label())).into(),
        Input::Year => {
            let years = (this_year.get() - 3..=this_year.get()).rev();
            years.map(|year| option(year, format!("{year}學年度"))).collect()
        }
        _ => Vec::new(),
    };
    let limit = match column.input {
        Input::Text(max) => format!("最多 {max} 字"),
        _ => String::new(),
    };
    let parts = [column.hint, &limit];
    FieldView {
        key: column.key,
        label: column.label,
        hint: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("；"),
        required: column.required,
        kind: match column.input {
            Input::Date => "date",
            Input::Code(_) | Input::Term | Input::Year => "select",
            _ => "text",
        },
        value: value.to_owned(),
        options,
    }
}

#[cfg(test)]
mod tests {
    use kernel::codes::ActivityKind;

    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Typed {
        Typed(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn rules_115() -> Ruleset {
        Ruleset::of(AcademicYear::new(115).unwrap())
    }

    fn service(change: &[(&str, &str)]) -> Result<Checked, FieldErrors> {
        let good = [
            ("name", "淨灘"),
            ("unit", "荒野保護協會"),
            ("started_on", "2026-11-01"),
            ("ended_on", "2026-11-01"),
            ("hours", "７.5"),
            ("summary", "帶領隊員分類垃圾"),
        ];
        let all: Vec<_> = good.into_iter().chain(change.iter().copied()).collect();
        read(Kind::of(ActivityKind::ServiceLearning), &typed(&all), &rules_115(), false)
    }

    /// "accept end ≥ start"; §4.5: "hours ≤ 24 × days"; F-080: Arabic digits.
    #[test]
    fn dates_and_hours_fit_together() {
        let fields = service(&[]).unwrap_or_else(|errors| panic!("{errors:?}")).fields;
        assert_eq!(fields["hours"], "7.5", "decimals are texts");
        assert_eq!(fields["started_on"], "2026-11-01");
        let wrong = |change| service(change).map(|_| ()).unwrap_err();
        assert!(wrong(&[("ended_on", "2026-10-31")]).get("ended_on").unwrap().contains("早於"));
        assert!(wrong(&[("hours", "24.1")]).get("hours").unwrap().contains("24 小時"));
        assert!(wrong(&[("hours", "1.25")]).has("hours"));
        assert!(wrong(&[("hours", "七")]).has("hours"));
        assert!(wrong(&[("hours", "0")]).has("hours"));
        assert!(wrong(&[("hours", "-1")]).has("hours"));
        assert!(service(&[("ended_on", "115/11/02"), ("hours", "48")]).is_ok(), "ROC dates are read as well");
    }

    #[test]
    fn what_is_required_is_asked_for_and_the_rest_is_not() {
        let errors =
            read(Kind::of(ActivityKind::Certificate), &typed(&[]), &rules_115(), false).map(|_| ()).unwrap_err();
        assert_eq!(errors.get("number"), Some("請填寫證照字號"));
        assert!(!errors.has("score") && !errors.has("group"));
        assert!(service(&[("name", &"淨".repeat(21))]).map(|_| ()).unwrap_err().get("name").unwrap().contains("20"));
    }

    /// §5.7.2: 證照代碼 4, 分數 5; 時數 5.
    #[test]
    fn numbers_are_no_wider_than_the_columns_of_the_roster() {
        let certificate = |key, text| {
            let all = [("category", "1"), ("obtained_on", "2026-11-01"), ("number", "A-1"), (key, text)];
            read(Kind::of(ActivityKind::Certificate), &typed(&all), &rules_115(), false).map(|checked| checked.fields)
        };
        assert_eq!(certificate("score", "92.5").unwrap()["score"], "92.5");
        assert_eq!(certificate("score", "99999").unwrap()["score"], "99999");
        assert!(certificate("score", "1234.5").unwrap_err().get("score").unwrap().contains("5 個字元"));
        assert!(certificate("score", "A級").unwrap_err().has("score"));
        assert_eq!(certificate("certificate_code", "０123").unwrap()["certificate_code"], "0123");
        assert_eq!(
            certificate("certificate_code", "12A4").unwrap_err().get("certificate_code"),
            Some("證照代碼請填 4 個數字")
        );
        assert!(certificate("certificate_code", "").is_ok(), "a draft may wait for it");
        let long = [("ended_on", "2027-11-01"), ("hours", "1234.5")];
        assert!(service(&long).map(|_| ()).unwrap_err().get("hours").unwrap().contains("5 個字元"));
    }

    /// F-080: weeks 1–18; §5.7.3: codes of the table only.
    #[test]
    fn weeks_and_codes_keep_to_their_tables() {
        let flexible = |weeks, kind| {
            let all = [
                ("kind", kind),
                ("content", "自主學習"),
                ("unit", "教務處"),
                ("year", "115"),
                ("term", "1"),
                ("periods_per_week", "2"),
                ("weeks", weeks),
            ];
            read(Kind::of(ActivityKind::FlexibleLearning), &typed(&all), &rules_115(), false)
                .map(|checked| checked.fields)
        };
        let fields = flexible("18", "1").unwrap();
        assert_eq!((&fields["kind"], &fields["year"], &fields["weeks"]), (&1.into(), &115.into(), &18.into()));
        assert!(flexible("19", "1").unwrap_err().get("weeks").unwrap().contains("1 到 18"));
        assert!(flexible("0", "1").unwrap_err().has("weeks"));
        assert_eq!(flexible("1", "6").unwrap_err().get("kind"), Some("請選擇彈性學習時間類別"));
    }

    /// F-079: "External media link enabled only after a media file is uploaded".
    #[test]
    fn a_link_needs_a_media_file() {
        let link = [("external_url", "https://video.example.tw/1")];
        assert!(service(&link).map(|_| ()).unwrap_err().get("external_url").unwrap().contains("影音檔"));
        let mut errors = FieldErrors::new();
        let rest = read_rest(&typed(&link), &rules_115(), true, &mut errors);
        assert_eq!(rest.unwrap().1.as_deref(), Some("https://video.example.tw/1"));
        assert!(errors.is_empty());
    }

    #[test]
    fn a_stored_activity_fills_its_form_again() {
        let fields = service(&[]).unwrap_or_else(|errors| panic!("{errors:?}")).fields;
        let again = Typed::of(&fields, "簡述", None);
        let reread = read(Kind::of(ActivityKind::ServiceLearning), &again, &rules_115(), false);
        assert_eq!(reread.unwrap_or_else(|errors| panic!("{errors:?}")).fields, fields);
    }
}
