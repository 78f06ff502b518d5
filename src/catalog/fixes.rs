//! A cause's fix in one stack's own lines, with the refusal's names filled in.

use super::{Cause, Setting, Side, Stack};

/// What a refusal shows, as far as it is fit to be pasted into a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The page's origin.
    pub origin: &'a str,
    /// The method asked for.
    pub method: &'a str,
    /// Header names that are missing, or asked for.
    pub headers: &'a [&'a str],
    /// The whole list of methods to write: what the answer lists already, and what was asked for.
    pub methods: List<'a>,
    /// The whole list of header names to write, likewise.
    pub all_headers: List<'a>,
    /// Path without query.
    pub path: &'a str,
    /// Whom the page called.
    pub target: &'a str,
    /// The value that went wrong: a Location, an Access-Control-Allow-Origin, a status.
    pub value: &'a str,
}

/// A list that a configuration is to have.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// Its items, those listed already first.
    pub items: &'a [&'a str],
    /// The answer shows what is listed already. Without it only what is asked for is known.
    pub in_view: bool,
}

impl Shown<'static> {
    /// Stand-ins, where no refusal is at hand.
    pub const SAMPLE: Shown<'static> = Shown {
        origin: "https://app.example",
        method: "PUT",
        headers: &["x-custom"],
        methods: List { items: &["GET", "HEAD", "POST", "PUT"], in_view: false },
        all_headers: List { items: &["x-custom"], in_view: false },
        path: "/path",
        target: "https://api.example",
        value: "…",
    };
}

/// What the page's side should know besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageSigns {
    /// The page is served by a development server.
    pub development: bool,
    /// The request carries an `Access-Control-Allow-*` field.
    pub allow_header_sent: bool,
    /// The page has tried no-cors.
    pub no_cors_tried: bool,
}

/// Whose lines are to change.
#[derive(Debug, Clone, Copy)]
pub struct Layers {
    /// The stack that is to change, as far as one is known.
    pub own: Stack,
    /// A proxy before it that may be the one that adds the headers.
    pub edge: Option<Stack>,
    /// It likely is.
    pub edge_first: bool,
}

/// What to change: in words for every server, in the stack's own lines, then what concerns the page.
#[must_use]
pub fn fix(cause: Cause, layers: Layers, shown: &Shown<'_>, page: PageSigns) -> String {
    let Layers { own: stack, edge, edge_first } = layers;
    let opaque = cause == Cause::OriginNotListed && shown.origin == "null";
    let (words, settings) = if opaque { (NULL_ORIGIN, &[][..]) } else { (cause.entry().fix, settings_of(cause)) };
    let mut text = String::with_capacity(words.len() + settings.len() * LINE_BYTES);
    if opaque {
        text.push_str(words);
    } else {
        fill_into(&mut text, words, shown);
    }
    // A proxy that refuses on its own lets preflights pass by one rule, and its refusals be read by another.
    let refuses = stack.entry().side == Side::Edge && settings == [Setting::Order];
    let more: &[Setting] = if refuses { &[Setting::Errors] } else { &[] };
    for &setting in settings.iter().chain(more) {
        let at_edge = edge.and_then(|e| Some((e.entry().title, e.setting(edge_setting(cause, setting)?)?)));
        let own = stack.setting(setting);
        // what is known to be there goes first
        let edge_first = (edge_first || stack == Stack::Generic) && own.is_some() && at_edge.is_some();
        let own_line = |text: &mut String, own: &str| {
            if stack == Stack::Generic {
                text.push_str(if edge_first { ELSEWHERE } else { THAT_IS });
            } else {
                text.push(' ');
                text.push_str(stack.entry().title);
                text.push_str(": ");
            }
            line(text, own, cause, setting, shown);
        };
        if let Some(own) = own.filter(|_| !edge_first) {
            own_line(&mut text, own);
        }
        if let Some((title, edge_line)) = at_edge {
            text.push_str(AT_EDGE);
            text.push_str(title);
            text.push_str(if is_redirect(cause) { " redirects: " } else { " adds the headers: " });
            line(&mut text, edge_line, cause, setting, shown);
        }
        if let Some(own) = own.filter(|_| edge_first) {
            own_line(&mut text, own);
        }
    }
    if page.development {
        text.push_str(DEVELOPMENT);
        text.push_str(&development(shown));
    }
    for (told, sentence) in [(page.allow_header_sent, ALLOW_HEADER_SENT), (page.no_cors_tried, NO_CORS_TRIED)] {
        if told {
            text.push(' ');
            text.push_str(sentence);
        }
    }
    text
}

/// Comes before the lines for no server in particular.
const THAT_IS: &str = " That is: ";
/// Comes before a proxy's.
const AT_EDGE: &str = " Where ";
/// Comes before them where a proxy's lines stand already.
const ELSEWHERE: &str = " In the application: ";

/// The fix for a screen that is short of room: without the lines for no server in particular, and without a proxy's that
/// only write down what the sentence says.
#[must_use]
pub fn brief(cause: Option<Cause>, fix: &str) -> &str {
    let says_more = |cause| {
        cause == Cause::CorsAfterRouter
            || settings_of(cause).iter().any(|s| matches!(s, Setting::Errors | Setting::Scope))
    };
    let marks: &[&str] =
        if cause.is_some_and(says_more) { &[THAT_IS, ELSEWHERE] } else { &[THAT_IS, ELSEWHERE, AT_EDGE] };
    let end = marks.iter().filter_map(|mark| fix.find(mark)).min();
    end.and_then(|end| fix.get(..end)).unwrap_or(fix)
}

/// The fix on lines of its own: the sentence, each layer's words, and below them what is to stand in its configuration, a
/// line for each of that.
#[must_use]
pub fn laid_out(fix: &str) -> String {
    let mut text = fix.replace(" ⏎ ", "\n    ");
    let mut begin = |mark: &str| text = text.replace(mark, &format!("\n{}", mark.trim_start()));
    for mark in [THAT_IS, ELSEWHERE, DEVELOPMENT] {
        begin(mark);
    }
    for stack in Stack::ALL {
        let title = stack.entry().title;
        begin(&format!(" {title}: "));
        begin(&format!("{AT_EDGE}{title} "));
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        // the full stop ends the sentence, not the configuration, where a remark has a line of its own
        let configuration = line.strip_suffix('.').filter(|_| line.starts_with(' '));
        out.push_str(match configuration {
            Some(line) => line.strip_suffix(KEPT).unwrap_or(line),
            None => line,
        });
        if configuration.is_some_and(|line| line.ends_with(KEPT)) {
            out.push_str("\n    # beside what is listed already");
        }
        out.push('\n');
    }
    out
}

/// Room for a stack's line.
const LINE_BYTES: usize = 160;

/// Appends a stack's line with what the refusal shows, as a sentence.
fn line(text: &mut String, line: &str, cause: Cause, setting: Setting, shown: &Shown<'_>) {
    fill_into(text, line, shown);
    let kept = kept(cause, setting, shown);
    if !kept.is_empty() && text.ends_with(';') {
        text.pop();
    }
    text.push_str(kept);
    if !text.ends_with(';') {
        text.push('.');
    }
}

fn is_redirect(cause: Cause) -> bool {
    matches!(cause, Cause::PreflightRedirected | Cause::ActualRedirectWithoutCors)
}

/// Which of a proxy's settings mends this, where the proxy may be the one that adds the headers.
fn edge_setting(cause: Cause, setting: Setting) -> Option<Setting> {
    match (cause, setting) {
        // good preflights and bare answers: the headers are where OPTIONS is answered, and nowhere else
        (Cause::CorsAfterRouter, Setting::Order) => Some(Setting::Scope),
        (_, Setting::Order) if is_redirect(cause) => Some(Setting::Order),
        // where the application's order is wrong, the proxy's lines do not help
        (_, Setting::Order) => None,
        _ => Some(setting),
    }
}

/// Comes behind lines that do not show a whole list.
const KEPT: &str = ", beside what is listed already";

/// Said beside lines that name only what is missing: whoever pasted them as they are would refuse what passes now.
fn kept(cause: Cause, setting: Setting, shown: &Shown<'_>) -> &'static str {
    if setting == Setting::Credentials {
        return match cause {
            Cause::CredentialsWithWildcard => "; * goes, so list every other origin that may read it, too",
            _ => "; what is listed already stays",
        };
    }
    let whole = match setting {
        Setting::Methods => shown.methods.in_view,
        Setting::Headers => shown.all_headers.in_view,
        Setting::Origins => !matches!(cause, Cause::OriginNotListed | Cause::OriginOrMethodNotListed),
        _ => true,
    };
    if whole { "" } else { KEPT }
}

/// The settings that mend a cause.
#[must_use]
pub fn settings_of(cause: Cause) -> &'static [Setting] {
    match cause {
        Cause::OriginOrMethodNotListed => &[Setting::Origins, Setting::Methods],
        _ => cause.entry().setting.as_slice(),
    }
}

/// Said where `Origin: null` was refused, which is as it should be.
pub const NULL_ORIGIN: &str = "Do not list null: any page can make a frame whose origin is null. Serve the page from a URL of its own (not file:, data: or a sandboxed frame), or, after a redirect across origins, call the final URL.";
/// Said where a page sends a header of answers.
pub const ALLOW_HEADER_SENT: &str = "The page sends Access-Control-Allow-… itself: that is a header of answers, it cannot help here and only makes the browser ask for it first; remove it from the page.";
/// Said where a page tried no-cors.
pub const NO_CORS_TRIED: &str =
    "The page also tried mode no-cors: that cannot help, since its answer can never be read; take it out again.";

/// Comes before what a development server can do.
const DEVELOPMENT: &str = " In development the dev server";

/// How development servers take the browser out of it.
fn development(shown: &Shown<'_>) -> String {
    let first = shown.path.split('/').nth(1).filter(|s| !s.is_empty() && *s != "{}").unwrap_or("api");
    let target = shown.target;
    format!(
        " can call it instead, then there is no CORS: Vite: server: {{ proxy: {{ '/{first}': {{ target: '{target}', changeOrigin: true }} }} }}; Next: rewrites: async () => [{{ source: '/{first}/:path*', destination: '{target}/{first}/:path*' }}]; the page then fetches /{first}/… of its own origin."
    )
}

/// Puts what the refusal shows in the places of a template; other braces are the configuration's own.
#[must_use]
pub fn fill(template: &str, shown: &Shown<'_>) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    fill_into(&mut text, template, shown);
    text
}

fn fill_into(text: &mut String, template: &str, shown: &Shown<'_>) {
    let (methods, headers) = (shown.methods.items, shown.all_headers.items);
    let mut rest = template;
    // read once from left to right: a value from the wire is never taken for a place
    while let Some((before, from)) = memchr::memchr(b'{', rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
        text.push_str(before);
        let end = memchr::memchr(b'}', from.as_bytes()).map_or(from.len(), |at| at + 1);
        let (place, after) = from.split_at_checked(end).unwrap_or((from, ""));
        match place {
            "{quoted_headers}" => list(text, headers, "\"", "\""),
            "{all_headers}" => list(text, headers, "", ""),
            "{headers}" => list(text, shown.headers, "", ""),
            "{methods}" => list(text, methods, "", ""),
            "{quoted_methods}" => list(text, methods, "\"", "\""),
            "{apostrophed_methods}" => list(text, methods, "'", "'"),
            "{symbol_methods}" => {
                let lower: Vec<String> = methods.iter().map(|m| m.to_ascii_lowercase()).collect();
                list(text, &lower, ":", "");
            }
            "{typed_methods}" => list(text, methods, "Method::", ""),
            "{method}" => text.push_str(shown.method),
            "{origin_pattern}" => text.push_str(&shown.origin.replace('.', "\\.")),
            "{origin}" => text.push_str(shown.origin),
            "{path}" => text.push_str(shown.path),
            "{value}" => text.push_str(shown.value),
            _ => {
                text.push('{');
                rest = from.get(1..).unwrap_or_default();
                continue;
            }
        }
        rest = after;
    }
    text.push_str(rest);
}

/// Appends a list's items, each between two marks.
fn list(text: &mut String, items: &[impl AsRef<str>], before: &str, behind: &str) {
    for (i, item) in items.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(before);
        text.push_str(item.as_ref());
        text.push_str(behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(cause: Cause, own: Stack, edge: Option<Stack>, shown: &Shown<'_>, page: PageSigns) -> String {
        super::fix(cause, Layers { own, edge, edge_first: false }, shown, page)
    }

    #[test]
    fn where_two_layers_may_add_the_headers_both_are_told_the_likelier_first() {
        let told = |edge_first| {
            let layers = Layers { own: Stack::Express, edge: Some(Stack::Nginx), edge_first };
            super::fix(Cause::ErrorPageWithoutCors, layers, &Shown::SAMPLE, PageSigns::default())
        };
        for (edge_first, first, second) in [
            (
                true,
                " Where nginx adds the headers: add_header … always",
                " Express with cors: app.use(cors(options)) first",
            ),
            (
                false,
                " Express with cors: app.use(cors(options)) first",
                " Where nginx adds the headers: add_header … always",
            ),
        ] {
            let text = told(edge_first);
            let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in: {text}"));
            assert!(at(first) < at(second), "{text}");
            assert!(brief(Some(Cause::ErrorPageWithoutCors), &text).contains(first), "{text}");
        }
    }

    /// A preflight that passes is no use where the answer after it is the proxy's bare refusal.
    #[test]
    fn a_proxy_that_refuses_by_itself_is_told_of_preflights_and_of_its_refusals() {
        for (stack, preflights, refusals) in [
            (Stack::Nginx, "if ($request_method = OPTIONS)", "$upstream_http_access_control_allow_origin"),
            (Stack::HaProxy, "if METH_OPTIONS allowed", "http-after-response"),
            (Stack::Caddy, "not method OPTIONS", "handle_errors"),
            (Stack::Apache, "RewriteEngine On", "Header onsuccess unset"),
            (Stack::Varnish, "synth(204)", "vcl_backend_error"),
        ] {
            for cause in [Cause::AuthBeforeCors, Cause::RateLimited] {
                let text = fix(cause, stack, None, &Shown::SAMPLE, PageSigns::default());
                assert!(text.contains(preflights) && text.contains(refusals), "{text}");
                // pages that send cookies are let through, and preflights of other paths go where they went
                assert!(text.contains("Access-Control-Allow-Credentials") && text.contains("/path"), "{text}");
            }
        }
    }

    #[test]
    fn laid_out_each_layer_and_each_line_of_a_configuration_stands_alone() {
        let layers = Layers { own: Stack::Express, edge: Some(Stack::Nginx), edge_first: false };
        let page = PageSigns { development: true, ..PageSigns::default() };
        let told = laid_out(&super::fix(Cause::OriginNotListed, layers, &Shown::SAMPLE, page));
        let begins: Vec<&str> = told.lines().map(|line| line.split([':', ' ']).next().unwrap_or_default()).collect();
        assert_eq!(begins, ["If", "Express", "Where", "In"], "{told}");
        let told = laid_out(&fix(Cause::AuthBeforeCors, Stack::HaProxy, None, &Shown::SAMPLE, PageSigns::default()));
        assert!(
            told.contains("\n    acl allowed req.hdr(origin) -m str https://app.example\n    http-request return"),
            "{told}"
        );
        assert_eq!(told.matches("\nHAProxy: ").count(), 2, "{told}");
        let listed = laid_out(&fix(Cause::OriginNotListed, Stack::HaProxy, None, &Shown::SAMPLE, PageSigns::default()));
        assert!(listed.ends_with("-m str https://app.example }\n    # beside what is listed already\n"), "{listed}");
        let pasted: Vec<&str> = told.lines().filter(|line| line.starts_with(' ')).collect();
        assert!(
            pasted.len() == 4
                && pasted[1].ends_with("if METH_OPTIONS allowed { path /path }")
                && pasted.iter().all(|line| !line.ends_with('.')),
            "{told}"
        );
    }

    #[test]
    fn a_line_that_names_one_origin_says_what_becomes_of_others() {
        let told = |cause| fix(cause, Stack::Express, None, &Shown::SAMPLE, PageSigns::default());
        assert!(told(Cause::CredentialsNotAllowed).contains("what is listed already stays"));
        assert!(told(Cause::CredentialsWithWildcard).contains("list every other origin"));
    }

    #[test]
    fn a_fix_names_the_very_values_in_the_stacks_own_words() {
        let names: &[&str] = &["x-trace-id", "x-tenant"];
        let shown = Shown { headers: names, all_headers: List { items: names, in_view: false }, ..Shown::SAMPLE };
        let text = fix(Cause::HeaderNotListed, Stack::Go, None, &shown, PageSigns::default());
        assert!(text.starts_with("Add x-trace-id, x-tenant to the allowed headers"), "{text}");
        assert!(
            text.ends_with("Go with rs/cors: cors.Options{…, AllowedHeaders: []string{\"x-trace-id\", \"x-tenant\"}}, beside what is listed already."),
            "{text}"
        );
    }

    #[test]
    fn a_list_in_view_is_kept_in_every_stacks_lines() {
        let methods = List { items: &["GET", "POST", "PUT", "DELETE", "PATCH"], in_view: true };
        let all_headers = List { items: &["content-type", "x-requested-with", "x-trace-id"], in_view: true };
        let shown = Shown { method: "PATCH", headers: &["x-trace-id"], methods, all_headers, ..Shown::SAMPLE };
        for stack in Stack::ALL {
            let lines = |cause: Cause| fix(cause, *stack, None, &shown, PageSigns::default());
            let told = lines(Cause::MethodNotListed);
            assert!(told.starts_with("Add PATCH to the allowed methods."), "{told}");
            // what adds to a list names only what is new
            let names =
                if told.contains("add PATCH") { &["patch"][..] } else { &["get", "post", "put", "delete", "patch"] };
            assert!(names.iter().all(|m| told.to_ascii_lowercase().contains(m)), "{stack}: {told}");
            assert!(!told.contains("beside"), "{stack}: {told}");
            let told = lines(Cause::HeaderNotListed);
            assert!(told.starts_with("Add x-trace-id to the allowed headers"), "{told}");
            assert!(told.contains("add x-trace-id") || told.contains("x-requested-with"), "{stack}: {told}");
        }
    }

    #[test]
    fn a_line_that_replaces_a_list_of_origins_says_so() {
        let told = |cause| fix(cause, Stack::Express, None, &Shown::SAMPLE, PageSigns::default());
        assert!(told(Cause::OriginNotListed).contains("beside what is listed already"));
        assert!(!told(Cause::ConfigValueMalformed).contains("beside"));
    }

    #[test]
    fn the_proxy_that_is_seen_is_told_before_the_server_that_is_not() {
        let told =
            fix(Cause::CorsAfterRouter, Stack::Generic, Some(Stack::Nginx), &Shown::SAMPLE, PageSigns::default());
        assert!(
            told.starts_with("Run CORS before the routes. Where nginx adds the headers: repeat every add_header"),
            "{told}"
        );
        assert!(told.contains(" In the application: the CORS code comes first"), "{told}");
        assert!(brief(Some(Cause::CorsAfterRouter), &told).ends_with("drops all inherited ones."), "{told}");
        let told = fix(Cause::CorsAfterRouter, Stack::Generic, None, &Shown::SAMPLE, PageSigns::default());
        assert_eq!(brief(Some(Cause::CorsAfterRouter), &told), "Run CORS before the routes.");
    }

    #[test]
    fn no_place_is_left_open_in_any_fix() {
        for cause in Cause::ALL {
            for stack in Stack::ALL {
                let text = fix(*cause, *stack, Some(Stack::Nginx), &Shown::SAMPLE, PageSigns::default());
                for place in ["{origin", "{method", "{headers", "{all_", "{quoted", "_methods}", "{path}", "{value}"] {
                    assert!(!text.contains(place), "{cause} {stack}: {text}");
                }
            }
        }
    }

    #[test]
    fn only_what_mends_a_list_repeats_it() {
        let items: &[&str] = &["SENTINEL"];
        let list = List { items, in_view: true };
        for cause in Cause::ALL {
            for (setting, shown) in [
                (Setting::Methods, Shown { methods: list, ..Shown::SAMPLE }),
                (Setting::Headers, Shown { all_headers: list, ..Shown::SAMPLE }),
            ] {
                let told = |edge| Stack::ALL.iter().map(move |s| fix(*cause, *s, edge, &shown, PageSigns::default()));
                let mut all = told(None).chain(told(Some(Stack::Nginx))).chain(told(Some(Stack::Envoy)));
                let repeats = all.any(|text| text.to_ascii_uppercase().contains("SENTINEL"));
                assert_eq!(repeats, settings_of(*cause).contains(&setting), "{cause} {setting:?}");
            }
        }
    }

    #[test]
    fn development_names_the_dev_proxies_and_the_target() {
        let page = PageSigns { development: true, ..PageSigns::default() };
        let text =
            fix(Cause::OriginNotListed, Stack::Generic, None, &Shown { path: "/v1/orders", ..Shown::SAMPLE }, page);
        assert!(text.contains("Vite: server: { proxy: { '/v1': { target: 'https://api.example'"), "{text}");
        assert!(text.contains("destination: 'https://api.example/v1/:path*'"), "{text}");
    }
}
