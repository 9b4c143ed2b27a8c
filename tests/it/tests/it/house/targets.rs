//! Every target runs alone (issue 2 §1.1): it answers its own routes and not the others'.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use licheng::targets::{TARGETS, assemble};
use std::collections::BTreeSet;
use testkit::City;
use tower::ServiceExt;
use web::RouteInfo;

/// Routes that answer a stranger with 404 although they are there, each with its reason.
const HIDDEN: &[(&str, &str)] = &[
    ("/assets/{file}", "no such file"),
    ("/f/{token}/{name}", "the token is no link of ours"),
    ("/roster/{token}/{file}", "the token is no link of ours"),
];

/// Served alike by whichever target is asked.
const EVERYWHERE: &[&str] = &["/assets/{file}", "/styleguide"];

/// A path that the template matches.
fn filled(template: &str) -> String {
    let parts = template.split('/').map(|part| match part {
        "{school}" => "343303",
        part if part.starts_with('{') => "1",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn ask(city: &City, router: &Router, route: &RouteInfo) -> StatusCode {
    let settings = city.house.web.settings();
    let origin = if route.path.starts_with("/f/") { &settings.files_origin } else { &settings.origin };
    let host = origin.split_once("://").expect("an origin").1;
    let request = Request::builder()
        .method(route.method)
        .uri(filled(route.path))
        .header("host", host)
        .header("origin", origin)
        .body(Body::empty())
        .expect("a request");
    router.clone().oneshot(request).await.expect("routers are infallible").status()
}

#[tokio::test]
async fn each_target_answers_its_own_routes_and_no_others() {
    let city = City::up().await;
    assert!(!TARGETS.is_empty());
    for target in TARGETS {
        let alone = assemble(&city.house, |name| name == target.name).expect("the target alone");
        let own: BTreeSet<&RouteInfo> = alone.routes.iter().collect();
        let own_paths: BTreeSet<&str> = own.iter().map(|route| route.path).collect();
        assert!(own.iter().any(|route| route.path.len() > 1 && !route.path.starts_with("/assets")), "{}", target.name);
        for route in &city.routes {
            let status = ask(&city, &alone.router, route).await;
            let place = format!("{} alone: {} {} {status}", target.name, route.method, route.path);
            assert!(!status.is_server_error(), "{place}");
            if own.contains(route) {
                let hidden = HIDDEN.iter().any(|(path, _)| *path == route.path);
                assert!(hidden || status != StatusCode::NOT_FOUND, "{place}");
            } else if own_paths.contains(route.path) {
                assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{place}");
            } else {
                assert_eq!(status, StatusCode::NOT_FOUND, "{place}");
            }
        }
    }
}

/// The paths of a target in the chart's values, by host: written there as JSON.
fn charted(values: &str, target: &str, key: &str) -> Vec<String> {
    let begin = format!("\n  {target}:\n");
    let block = values.split_once(&begin).unwrap_or_else(|| panic!("no target {target} in the chart")).1;
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    let list = lines.filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": ")).next();
    list.map_or_else(Vec::new, |list| {
        let end = list.find("\"]").map_or(list.len(), |end| end + 2);
        serde_json::from_str(&list[..end]).expect("quoted paths")
    })
}

/// How an ingress or a gateway understands a path of the chart.
fn leads(pattern: &str, path: &str) -> bool {
    let pattern = pattern.replace("[0-9A-Z]{6}", "{school}");
    match pattern.strip_suffix(".*") {
        Some(prefix) => path.starts_with(prefix),
        None => {
            pattern == "/" || path == pattern || path.strip_prefix(&pattern).is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

#[tokio::test]
async fn the_charts_paths_lead_each_route_to_its_own_target() {
    let city = City::up().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../helm/licheng/values.yaml");
    let values = std::fs::read_to_string(file).expect("the chart's values");
    for target in TARGETS {
        for route in assemble(&city.house, |name| name == target.name).expect("the target alone").routes {
            let key = if route.path.starts_with("/f/") { "filesPaths" } else { "paths" };
            let patterns = TARGETS
                .iter()
                .flat_map(|other| charted(&values, other.name, key).into_iter().map(|pattern| (pattern, other.name)));
            let best =
                patterns.filter(|(pattern, _)| leads(pattern, route.path)).max_by_key(|(pattern, _)| pattern.len());
            let (_, chosen) = best.unwrap_or_else(|| panic!("nothing in the chart leads to {}", route.path));
            assert!(
                chosen == target.name || EVERYWHERE.contains(&route.path),
                "{} goes to {chosen}, not to {}",
                route.path,
                target.name
            );
        }
    }
}

/// Rooms that are put together must not take each other's paths; `city.routes` is the whole house.
#[tokio::test]
async fn the_whole_house_is_the_sum_of_its_targets() {
    let city = City::up().await;
    let mut routes = BTreeSet::new();
    for route in &city.routes {
        assert!(routes.insert(route), "{} {} is there twice", route.method, route.path);
    }
    let mut parts = BTreeSet::new();
    for target in TARGETS {
        parts.extend(assemble(&city.house, |name| name == target.name).expect("the target alone").routes);
    }
    assert_eq!(parts.iter().collect::<BTreeSet<_>>(), routes);
}
