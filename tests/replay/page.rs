//! The report's page in real browsers: silent, self-contained, reachable by keyboard, readable in each style.

use std::path::PathBuf;

use serde_json::Value;

use super::browsers::{Browser, Chromium, Firefox, Key, PALE};
use super::capture::Pcap;
use super::{Folder, incident, ok, shown};

/// The page on a capture, as a file.
fn page_of(folder: &Folder, capture: &str) -> PathBuf {
    let db = folder.path("page.db");
    ok(&["replay", capture, "--db", shown(&db)]);
    folder.write("page.html", ok(&["report", "--db", shown(&db), "--format", "html"]).as_bytes())
}

/// A capture whose every name tries to be markup.
fn hostile() -> Vec<u8> {
    let mut pcap = Pcap::new();
    pcap.open();
    let evil = "https://a.test\"><script>alert(1)</script><img src=//evil.test/x onerror=alert(2)>";
    pcap.http(
        true,
        &format!(
            "PUT /<script>alert(3)</script>?'><img> HTTP/1.1|Host: b.test|Origin: {evil}|Referer: {evil}|\
                  User-Agent: Mozilla/5.0 Firefox/150.0|Sec-Fetch-Mode: cors|Content-Length: 0||"
        ),
    );
    pcap.http(
        false,
        &format!("HTTP/1.1 200 OK|Access-Control-Allow-Origin: {evil}</p>|Server: <b>|Content-Length: 0||"),
    );
    pcap.finish()
}

/// The page asks nobody for anything and its console stays empty.
fn is_silent(browser: &mut impl Browser) {
    assert_eq!(browser.console(), Vec::<String>::new());
    assert_eq!(browser.ask("performance.getEntriesByType('resource').map(e => e.name)"), Value::Array(vec![]));
    assert_eq!(browser.ask("document.scripts.length + document.images.length"), 0);
}

/// Every section is one Tab chain and one Enter away; every part that scrolls or folds is on the chain.
fn is_reachable_by_keyboard(browser: &mut impl Browser) {
    let sections = browser.ask("[...document.querySelectorAll('main section')].map(s => '#' + s.id)");
    let sections: Vec<String> = serde_json::from_value(sections).expect("ids");
    assert!(sections.len() >= 7, "{sections:?}");
    // what is folded away is reached by opening it
    let stops = browser.ask(
        "[...document.querySelectorAll('a[href],summary,[tabindex=\"0\"]')]
            .filter(e => !e.closest('details:not([open]) > :not(summary)')).length",
    );
    let mut reached = Vec::new();
    let mut seen = 0;
    for _ in 0..stops.as_u64().expect("a number") {
        browser.press(Key::Tab);
        seen += u64::from(browser.ask("document.activeElement !== document.body") == true);
        let href =
            browser.ask("document.activeElement.closest('nav') ? document.activeElement.getAttribute('href') : ''");
        if let Some(href) = href.as_str().filter(|h| !h.is_empty()) {
            reached.push(href.to_owned());
        }
    }
    assert_eq!(reached, sections, "by Tab");
    assert_eq!(stops, seen, "stops on the chain");
    for section in &sections {
        browser.ask(&format!("document.querySelector('nav a[href=\"{section}\"]').focus()"));
        browser.press(Key::Enter);
        assert_eq!(browser.ask("location.hash"), section.as_str());
        let top = browser.ask(&format!("document.querySelector('{section}').getBoundingClientRect().top"));
        let bottom = browser.ask("innerHeight - 1");
        assert!(top.as_f64() >= Some(-1.0) && top.as_f64() < bottom.as_f64(), "{section} is at {top}");
    }
    // a folded part opens by keyboard
    browser.ask("document.querySelector('summary').focus()");
    browser.press(Key::Enter);
    assert_eq!(browser.ask("document.querySelector('details').open"), true);
}

/// Headings in steps, landmarks, names for tables and plots.
fn is_well_formed(browser: &mut impl Browser) {
    let wrong = browser.ask(
        "(() => { const wrong = []; let level = 0;
            for (const h of document.querySelectorAll('h1,h2,h3,h4')) {
                const now = +h.tagName[1]; if (now > level + 1) wrong.push('skips to ' + h.outerHTML); level = now }
            for (const tag of ['header', 'nav', 'main', 'footer', 'h1'])
                if (document.querySelectorAll('body ' + tag).length !== 1) wrong.push('not one ' + tag);
            for (const s of document.querySelectorAll('section,article[aria-labelledby]'))
                if (!document.getElementById(s.getAttribute('aria-labelledby'))) wrong.push('no name: ' + s.id);
            for (const t of document.querySelectorAll('table'))
                if (!t.caption || !t.querySelector('th[scope=col]')) wrong.push('table without caption or head');
            for (const s of document.querySelectorAll('svg'))
                if (s.getAttribute('aria-hidden') !== 'true' && !s.querySelector('title')) wrong.push('plot without title');
            if (document.documentElement.lang !== 'en') wrong.push('no language');
            return wrong })()",
    );
    assert_eq!(wrong, Value::Array(vec![]));
}

#[test]
fn chromium_opens_the_incident_and_finds_nothing_to_complain_of() {
    let folder = Folder::new();
    let page = page_of(&folder, shown(&incident()));
    let url = format!("file://{}", shown(&page));
    let mut browser = Chromium::start(&folder);
    browser.open(&url);
    is_silent(&mut browser);
    let other: Vec<String> = browser.requested().into_iter().filter(|u| *u != url && u != "data:,").collect();
    assert!(other.is_empty(), "{other:?}");
    is_well_formed(&mut browser);
    for (media, scheme, ground) in [
        ("screen", "light", "rgb(255, 255, 255)"),
        ("screen", "dark", "rgb(20, 23, 27)"),
        ("print", "light", "rgb(255, 255, 255)"),
        ("print", "dark", "rgb(255, 255, 255)"),
    ] {
        browser.emulate(media, scheme);
        assert_eq!(browser.ask("getComputedStyle(document.body).backgroundColor"), ground, "{media} {scheme}");
        assert_eq!(browser.ask(PALE), Value::Array(vec![]), "{media} {scheme}");
    }
    browser.emulate("screen", "light");
    browser.resize(320);
    assert_eq!(browser.ask("document.documentElement.scrollWidth"), 320, "it scrolls sideways");
    browser.resize(1280);
    is_reachable_by_keyboard(&mut browser);
}

#[test]
fn firefox_opens_the_incident_and_finds_nothing_to_complain_of() {
    let folder = Folder::new();
    let page = page_of(&folder, shown(&incident()));
    let mut browser = Firefox::start(&folder);
    browser.open(&format!("file://{}", shown(&page)));
    is_silent(&mut browser);
    is_well_formed(&mut browser);
    is_reachable_by_keyboard(&mut browser);
}

#[test]
fn names_from_the_wire_are_never_markup() {
    let folder = Folder::new();
    let capture = folder.write("hostile.pcap", &hostile());
    let page = page_of(&folder, shown(&capture));
    let mut browser = Chromium::start(&folder);
    browser.open(&format!("file://{}", shown(&page)));
    is_silent(&mut browser);
    assert_eq!(browser.ask("document.querySelectorAll('b b, p p, script, img, [onerror]').length"), 0);
    let told = browser.ask("document.body.textContent");
    assert!(told.as_str().is_some_and(|t| t.contains("/<script>alert(3)</script>")), "{told}");
}
