//! A cause's fix in one stack's own lines, with the refusal's names filled in.

use std::fmt::Write as _;

use super::{Cause, Setting, Stack};

/// What a refusal shows, as far as it is fit to be pasted into a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The page's origin.
    pub origin: &'a str,
    /// The method asked for.
    pub method: &'a str,
    /// Header names that are missing, or asked for.
    pub headers: &'a [&'a str],
    /// Path without query.
    pub path: &'a str,
    /// Whom the page called.
    pub target: &'a str,
    /// The value that went wrong: a Location, an Access-Control-Allow-Origin, a status.
    pub value: &'a str,
}

impl Shown<'static> {
    /// Stand-ins, where no refusal is at hand.
    pub const SAMPLE: Shown<'static> = Shown {
        origin: "https://app.example",
        method: "PUT",
        headers: &["x-custom"],
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

/// What to change: in words for every server, in the stack's own lines, then what concerns the page. `edge` is a proxy
/// that may be the one that adds the headers.
#[must_use]
pub fn fix(cause: Cause, stack: Stack, edge: Option<Stack>, shown: &Shown<'_>, page: PageSigns) -> String {
    let opaque = cause == Cause::OriginNotListed && shown.origin == "null";
    let mut text = if opaque { NULL_ORIGIN.to_owned() } else { fill(cause.entry().fix, shown) };
    let settings = if opaque { &[] } else { settings_of(cause) };
    for setting in settings {
        if let Some(line) = stack.setting(*setting) {
            text.push(' ');
            text.push_str(if stack == Stack::Generic { "That is" } else { stack.entry().title });
            text.push_str(": ");
            text.push_str(&fill(line, shown));
            text.push_str(kept(*setting));
            text.push('.');
        }
        // where the application's order is wrong, the proxy's lines do not help
        let line = edge.filter(|_| *setting != Setting::Order).and_then(|e| Some((e, e.setting(*setting)?)));
        if let Some((edge, line)) = line {
            // writing to a String does not fail
            let (title, line) = (edge.entry().title, fill(line, shown));
            let _ = write!(text, " Where {title} adds the headers: {line}{}.", kept(*setting));
        }
    }
    for (told, sentence) in [
        (page.development, &*development(shown)),
        (page.allow_header_sent, ALLOW_HEADER_SENT),
        (page.no_cors_tried, NO_CORS_TRIED),
    ] {
        if told {
            text.push(' ');
            text.push_str(sentence);
        }
    }
    text
}

/// Said beside lines that name only what is missing: whoever pasted them as they are would refuse what passes now.
fn kept(setting: Setting) -> &'static str {
    match setting {
        Setting::Methods | Setting::Headers => ", beside what is listed already",
        _ => "",
    }
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

/// How development servers take the browser out of it.
fn development(shown: &Shown<'_>) -> String {
    let first = shown.path.split('/').nth(1).filter(|s| !s.is_empty() && *s != "{}").unwrap_or("api");
    let target = shown.target;
    format!(
        "In development the dev server can call it instead, then there is no CORS: Vite: server: {{ proxy: {{ '/{first}': {{ target: '{target}', changeOrigin: true }} }} }}; Next: rewrites: async () => [{{ source: '/{first}/:path*', destination: '{target}/{first}/:path*' }}]; the page then fetches /{first}/… of its own origin."
    )
}

/// Puts what the refusal shows in the places of a template; other braces are the configuration's own.
#[must_use]
pub fn fill(template: &str, shown: &Shown<'_>) -> String {
    let mut text = template.to_owned();
    // in this order: a value from the wire is never taken for a place
    let places: [(&str, &dyn Fn() -> String); 8] = [
        ("{quoted_headers}", &|| shown.headers.iter().map(|h| format!("\"{h}\"")).collect::<Vec<_>>().join(", ")),
        ("{headers}", &|| shown.headers.join(", ")),
        ("{method_lower}", &|| shown.method.to_ascii_lowercase()),
        ("{method}", &|| shown.method.to_owned()),
        ("{origin_pattern}", &|| shown.origin.replace('.', "\\.")),
        ("{origin}", &|| shown.origin.to_owned()),
        ("{path}", &|| shown.path.to_owned()),
        ("{value}", &|| shown.value.to_owned()),
    ];
    for (place, value) in places {
        if text.contains(place) {
            text = text.replace(place, &value());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_names_the_very_values_in_the_stacks_own_words() {
        let shown = Shown { headers: &["x-trace-id", "x-tenant"], ..Shown::SAMPLE };
        let text = fix(Cause::HeaderNotListed, Stack::Go, None, &shown, PageSigns::default());
        assert!(text.starts_with("Add x-trace-id, x-tenant to the allowed headers"), "{text}");
        assert!(
            text.ends_with("Go with rs/cors: cors.Options{AllowedHeaders: []string{\"x-trace-id\", \"x-tenant\"}}, beside what is listed already."),
            "{text}"
        );
    }

    #[test]
    fn no_place_is_left_open_in_any_fix() {
        for cause in Cause::ALL {
            for stack in Stack::ALL {
                let text = fix(*cause, *stack, Some(Stack::Nginx), &Shown::SAMPLE, PageSigns::default());
                for place in ["{origin", "{method", "{headers", "{quoted", "{path}", "{value}"] {
                    assert!(!text.contains(place), "{cause} {stack}: {text}");
                }
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
