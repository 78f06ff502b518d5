//! Findings are told once, again when worse, and at most once an hour.

use super::*;
use crate::options::RuleOptions;

fn two_fields(scene: &mut Scene) {
    scene.get("/", &from(APP, "same-site"), "Access-Control-Allow-Origin: *|Access-Control-Allow-Origin: *");
}

#[test]
fn a_finding_that_goes_on_is_told_once_an_hour_and_at_the_end() {
    let mut scene = Scene::new();
    for _ in 0..100 {
        two_fields(&mut scene);
    }
    assert_eq!(scene.taken.told, [(Rule::DuplicateCorsHeaders, Severity::Medium)]);
    scene.wait(3700);
    assert_eq!(scene.taken.told.len(), 2);
    scene.wait(4000);
    assert_eq!(scene.taken.told.len(), 2, "quiet: nothing new to tell");
    two_fields(&mut scene);
    assert_eq!(scene.taken.told.len(), 3, "open again");
    two_fields(&mut scene);
    scene.end();
    assert_eq!(scene.taken.told.len(), 4);
    let finding = scene.taken.latest.values().next().unwrap();
    // the first ten, and one of much later: each is recorded, so not every one is kept
    assert_eq!((finding.count, finding.evidence.len()), (102, 11));
    assert!(finding.detail.contains("first: ") && finding.detail.contains("latest: "), "{}", finding.detail);
}

#[test]
fn a_switch_and_an_allow_list_silence_a_rule() {
    for rule in [
        RuleOptions { enabled: Some(false), ..RuleOptions::default() },
        RuleOptions { allow: vec!["https://api.shop.test".to_owned()], ..RuleOptions::default() },
        RuleOptions { allow: vec![APP.to_owned()], ..RuleOptions::default() },
        RuleOptions { allow: vec!["203.0.113.20".to_owned()], ..RuleOptions::default() },
    ] {
        let mut options = EngineOptions::default();
        options.rules.insert("duplicate_cors_headers".to_owned(), rule.clone());
        let mut scene = Scene::with(&options);
        two_fields(&mut scene);
        scene.end();
        assert!(scene.taken.told.is_empty(), "{rule:?}");
    }
}

#[test]
fn many_endpoints_of_one_host_become_one_finding() {
    let mut scene = Scene::new();
    for n in 0..30 {
        let path = format!("/{}", char::from(b'a' + n % 26).to_string().repeat(usize::from(n / 26) + 1));
        scene.get(&path, "Authorization: Bearer", "Access-Control-Allow-Origin: *");
    }
    scene.end();
    assert_eq!(scene.of(Rule::WildcardOnAuthorised).len(), 5);
}

#[test]
fn however_many_findings_there_are_few_keep_whole_heads() {
    let mut scene = Scene::new();
    let mut requests = Vec::new();
    for host in 0..1200 {
        for _ in 0..2 {
            let request = scene.request("GET /", &format!("Host: s{host}.test|{}", from(APP, "cross-site")));
            requests.push(Arc::downgrade(&request));
            scene.answer(request, 200, "Access-Control-Allow-Origin: *|Access-Control-Allow-Origin: *");
        }
    }
    scene.wait(60);
    let kept = requests.iter().filter(|request| request.strong_count() > 0).count();
    assert!((256..=1100).contains(&kept), "{kept} of {}", requests.len());
    scene.end();
    let twice: Vec<&Finding> = scene.taken.latest.values().filter(|f| f.rule == Rule::DuplicateCorsHeaders).collect();
    assert_eq!(twice.len(), 1200);
    assert!(
        twice.iter().all(|f| f.count == 2 && f.detail.contains("latest: GET / → 200; Access-Control-Allow-Origin: *"))
    );
}

#[test]
fn the_same_exchanges_give_the_same_findings() {
    let run = || {
        let mut scene = Scene::new();
        for n in 0..12 {
            let origin = format!("https://www.s{n}.test");
            scene.get("/me", &with_cookie(&origin, "cross-site"), &lets_in(&origin));
        }
        scene.end();
        scene.taken.latest.values().map(|f| format!("{f:?}")).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn checklists_tell_pass_fail_and_not_seen() {
    let mut scene = Scene::new();
    for _ in 0..25 {
        scene.get("/me", &with_cookie(APP, "same-site"), &lets_in(APP));
    }
    two_fields(&mut scene);
    scene.end();
    let list = scene.checklists();
    assert_eq!(list, scene.taken.checklists);
    let state = |id: &str| {
        let item = list[0].items.iter().find(|i| i.id == id).unwrap();
        (item.state.id(), item.rules.clone())
    };
    assert_eq!(state("exact_origins"), ("pass", vec![]));
    assert_eq!(state("reverse_proxy"), ("fail", vec![Rule::DuplicateCorsHeaders]));
    assert_eq!(state("options_everywhere"), ("not_seen", vec![]));
    assert_eq!(state("rejections_logged"), ("not_seen", vec![]));
}
