//! Rocket by hand, with one mistake of CAUSES.md made on purpose.

use super::B;

pub async fn rocket(own: String, port: u16) {
    use rocket::fairing::AdHoc;
    use rocket::http::{Method, Status};
    use rocket::route::{Handler, Outcome, Route};
    use rocket::{Config, Data, Request};

    #[derive(Clone)]
    struct Items;
    #[rocket::async_trait]
    impl Handler for Items {
        async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
            Outcome::from(request, (rocket::http::ContentType::JSON, "{}"))
        }
    }
    let mut routes = Vec::new();
    for path in ["/items", "/other", "/me"] {
        for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
            routes.push(Route::new(method, path, Items));
        }
    }
    let fairing = AdHoc::on_response("cors", move |request, response| {
        let own = own.clone();
        Box::pin(async move {
            let origin = request.headers().get_one("origin").unwrap_or_default().to_owned();
            if own == "none" || (own == "list" && origin != B) {
                return;
            }
            response.set_raw_header("Access-Control-Allow-Origin", if own == "fixed" { B.to_owned() } else { origin });
            if request.method() == Method::Options && own != "plain" {
                response.set_status(Status::NoContent);
                response.set_raw_header("Access-Control-Allow-Methods", if own == "list" { "GET, POST, PUT" } else { "GET, POST" });
                response.set_raw_header("Access-Control-Allow-Headers", "Content-Type");
            }
        })
    });
    let config = Config { port, log_level: rocket::config::LogLevel::Off, ..Config::default() };
    rocket::custom(config).mount("/", routes).attach(fairing).launch().await.unwrap();
}
