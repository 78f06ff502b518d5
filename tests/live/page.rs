//! The live page in real Chromium and Firefox: what it shows while it happens, by keyboard, in each style, silently.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::net::{self, Program, within};
use browsers::{Browser, Chromium, Firefox, Key, PALE};

#[path = "../replay/browsers.rs"]
mod browsers;

/// What the browsers' module knows as a folder.
struct Folder(PathBuf);

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Answers each connection on loopback with what its first line asks for.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request);
            let allow = if text.contains("/allowed") {
                "Access-Control-Allow-Origin: http://app.shop.test\r\nAccess-Control-Allow-Credentials: true\r\n"
            } else {
                ""
            };
            let status = if text.starts_with("OPTIONS") { "204 No Content" } else { "200 OK" };
            let answer =
                format!("HTTP/1.1 {status}\r\n{allow}Server: nginx\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    address
}

/// One request as a page in Chromium sends it.
fn fetch(server: SocketAddr, line: &str, fields: &str) {
    let mut stream = TcpStream::connect(server).expect("the server above");
    let request = format!(
        "{line} HTTP/1.1\r\nHost: api.two.test\r\nUser-Agent: Mozilla/5.0 AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36\r\n\
         Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: empty\r\n{fields}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    stream.read_to_end(&mut Vec::new()).expect("the server answers and closes");
}

const APP: &str = "Origin: http://app.shop.test\r\nCookie: session=s3cret\r\n";

/// Names that try to be markup, and to act on a terminal or a line of text.
const EVIL: &str = "Origin: https://a.test\"><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\r\n";

/// A tap on that server's traffic alone, and its page's address.
fn tap(folder: &net::Folder, server: SocketAddr) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corstap"));
    command.args(["run", "-i", "lo", "--listen", "127.0.0.1:0", "--filter", &format!("tcp port {}", server.port())]);
    command.arg("--db").arg(folder.file("page.db"));
    let program = Program::start(folder, "corstap", &mut command);
    let mut url = String::new();
    within(Duration::from_secs(20), "the page is served", || {
        let said = program.said();
        let served = said.split_once("page http://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        url = format!("http://{}/", served.unwrap_or_default());
        served.is_some()
    });
    (program, url)
}

fn wait_for(browser: &mut impl Browser, expression: &str) {
    within(Duration::from_secs(20), expression, || browser.ask(expression) == true);
}

/// Goes to a view by its key, and waits until it is drawn.
fn go(browser: &mut impl Browser, key: char, view: &str) {
    browser.ask(&format!(
        "void document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
    ));
    wait_for(
        browser,
        &format!("location.hash === '#/{view}' && !document.querySelector('main').hasAttribute('aria-busy')"),
    );
    wait_for(browser, "document.querySelector('#tabs a[aria-current]')?.getAttribute('href') === location.hash");
}

const VIEWS: [(char, &str); 6] =
    [('2', "causes"), ('3', "targets"), ('4', "findings"), ('5', "checklists"), ('6', "coverage"), ('1', "live")];

/// Everything that both browsers have to show, in their order.
fn shows_what_happens(browser: &mut impl Browser, url: &str, server: SocketAddr) {
    for _ in 0..12 {
        fetch(server, "GET /refused?token=s3cret", APP);
    }
    (0..25).for_each(|n| fetch(server, &format!("GET /allowed/{n}"), APP));
    fetch(server, "GET /<img%20src=x>/<b>", EVIL);
    browser.open(url);
    wait_for(browser, "document.querySelectorAll('#list a.open').length === 2");
    // Repeats are one line; later ones come by themselves.
    assert_eq!(browser.ask("document.querySelector('#list').textContent.includes('×12')"), true);
    fetch(server, "GET /later", APP);
    wait_for(browser, "document.querySelectorAll('#list a.open').length === 3");
    assert_eq!(browser.ask("document.querySelector('#list a.open .path').textContent"), "/later");

    // Whoever holds the list reads on undisturbed.
    browser.ask("void document.querySelector('#hold').click()");
    fetch(server, "GET /meanwhile", APP);
    wait_for(browser, "document.querySelector('#numbers .value').textContent === '15'");
    assert_eq!(browser.ask("document.querySelectorAll('#list a.open').length"), 3);
    browser.ask("void document.querySelector('#hold').click()");
    wait_for(browser, "document.querySelectorAll('#list a.open').length === 4");

    // By keyboard alone: down to the first row, into it, and back.
    browser.ask("document.querySelector('#hold').focus()");
    browser.press(Key::Tab);
    assert_eq!(browser.ask("document.activeElement.className"), "open");
    browser.press(Key::Enter);
    wait_for(browser, "document.querySelector('.verdict.blocked') !== null");
    let told = browser.ask("document.querySelector('article').innerText");
    let told = told.as_str().unwrap();
    for text in [
        "GET https://api.two.test/meanwhile",
        "The browser refused at the actual",
        "Mend:",
        "Chromium says",
        "Likely mistake",
        "Origin: http://app.shop.test",
    ] {
        assert!(told.contains(text), "{text} is not in {told}");
    }
    assert_eq!(
        browser.ask("document.querySelectorAll('.leg .side').length"),
        2,
        "what was sent beside what was answered"
    );

    for (key, view) in VIEWS {
        go(browser, key, view);
        let text = browser.ask("document.querySelector('main').innerText");
        let text = text.as_str().unwrap();
        let expected = match view {
            "causes" => "missing allow origin",
            "targets" | "live" => "api.two.test",
            "checklists" => "Developers",
            "coverage" => "Connections by what they carried",
            _ => "Findings",
        };
        assert!(text.contains(expected), "{view}: {text}");
        assert!(!text.contains("s3cret"), "{view}: {text}");
    }

    // Names from the wire are text, and nothing was asked of anybody else.
    assert_eq!(
        browser.ask("document.querySelectorAll('main b > b, main script, main img, [onerror], [style]').length"),
        0
    );
    let list = browser.ask("document.querySelector('#list').textContent");
    assert!(list.as_str().is_some_and(|t| t.contains("/<img%20src=x>/<b>") && !t.contains('\u{202e}')), "{list}");
    let elsewhere =
        browser.ask("performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length");
    assert_eq!(elsewhere, 0);
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn chromium_shows_refusals_as_they_come_in_each_style_and_by_keyboard() {
    let folder = net::Folder::new();
    let server = server();
    let (_tap, url) = tap(&folder, server);
    let mut browser = Chromium::start(&Folder(folder.path().to_owned()));
    shows_what_happens(&mut browser, &url, server);
    let elsewhere: Vec<String> = browser.requested().into_iter().filter(|asked| !asked.starts_with(&url)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    for (key, view) in VIEWS {
        go(&mut browser, key, view);
        for scheme in ["light", "dark"] {
            browser.emulate("screen", scheme);
            assert_eq!(browser.ask(PALE), Value::Array(vec![]), "{view} {scheme}");
        }
        browser.resize(320);
        assert_eq!(browser.ask("document.documentElement.scrollWidth"), 320, "{view} scrolls sideways");
        browser.resize(1280);
    }
}

#[test]
fn firefox_shows_refusals_as_they_come_and_by_keyboard() {
    let folder = net::Folder::new();
    let server = server();
    let (_tap, url) = tap(&folder, server);
    let mut browser = Firefox::start(&Folder(folder.path().to_owned()));
    shows_what_happens(&mut browser, &url, server);
}
