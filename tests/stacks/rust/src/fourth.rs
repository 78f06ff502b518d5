//! Salvo with its own CORS, or Poem, each with one mistake of CAUSES.md made on purpose.

use super::{A, B};

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

pub async fn salvo(own: &str, port: u16) {
    use salvo::cors::{AllowHeaders, AllowMethods, AllowOrigin, Any, Cors};
    use salvo::http::StatusCode;
    use salvo::prelude::*;

    #[handler]
    async fn items() -> &'static str {
        "{}"
    }
    #[handler]
    async fn boom(res: &mut Response) {
        res.status_code(StatusCode::INTERNAL_SERVER_ERROR);
    }
    #[handler]
    async fn login(req: &mut Request, res: &mut Response, ctrl: &mut FlowCtrl) {
        if !req.headers().contains_key("authorization") {
            res.status_code(StatusCode::UNAUTHORIZED);
            res.render(Text::Json("{\"error\":\"unauthorized\"}"));
            ctrl.skip_rest();
        }
    }
    let good = || {
        Cors::new()
            .allow_origin(AllowOrigin::list([A, B].map(|o| o.parse().unwrap())))
            .allow_methods(METHODS.map(|m| m.parse::<salvo::http::Method>().unwrap()).to_vec())
            .allow_headers(AllowHeaders::list(["content-type".parse().unwrap()]))
            .allow_credentials(true)
    };
    let cors = match own {
        "origin" => good().allow_origin(AllowOrigin::list([B.parse().unwrap()])),
        "fixed" => good().allow_origin(B),
        "slash" => good().allow_origin(format!("{A}/").as_str()),
        "methods" => good().allow_methods(AllowMethods::list([salvo::http::Method::GET, salvo::http::Method::POST])),
        "headers" => good().allow_headers(AllowHeaders::list(["accept".parse().unwrap()])),
        "credentials" => good().allow_credentials(false),
        "star" => Cors::new().allow_origin(Any).allow_methods(Any).allow_headers(Any),
        _ => good(),
    }
    .into_handler();
    let route = |path: &str| Router::with_path(path.to_owned()).get(items).post(items).put(items).delete(items);
    let router = Router::new().push(Router::with_path("boom").get(boom));
    // the guide has it on the service: on a router it sees no OPTIONS that no route takes
    let service = match own {
        "router" => Service::new(router.hoop(cors).push(route("items")).push(route("other"))),
        "path" => Service::new(router.push(route("items").hoop(cors).options(handler::empty())).push(route("other"))),
        "none" => Service::new(router.push(route("items"))),
        "auth" => Service::new(router.push(route("items"))).hoop(login).hoop(cors),
        _ => Service::new(router.push(route("items")).push(route("other"))).hoop(cors),
    };
    let listener = TcpListener::new(("127.0.0.1", port)).bind().await;
    Server::new(listener).serve(service).await;
}

pub async fn poem(own: &str, port: u16) {
    use poem::http::StatusCode;
    use poem::listener::TcpListener;
    use poem::middleware::Cors;
    use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Route, Server, get, handler};

    #[handler]
    fn items() -> &'static str {
        "{}"
    }
    #[handler]
    fn boom() -> poem::Result<&'static str> {
        Err(poem::Error::from_string("boom", StatusCode::INTERNAL_SERVER_ERROR))
    }
    let good = || Cors::new().allow_origins([A, B]).allow_methods(METHODS).allow_headers(["content-type"]).allow_credentials(true);
    let cors = match own {
        "origin" => Cors::new().allow_origin(B).allow_methods(METHODS).allow_header("content-type"),
        "slash" => Cors::new().allow_origin(format!("{A}/")).allow_methods(METHODS),
        "methods" => Cors::new().allow_origins([A, B]).allow_methods(["GET", "POST"]).allow_header("content-type"),
        "headers" => Cors::new().allow_origins([A, B]).allow_methods(METHODS).allow_header("accept"),
        "credentials" => good().allow_credentials(false),
        _ => good(),
    };
    let route = || get(items).post(items).put(items).delete(items);
    let login = |ep: poem::endpoint::BoxEndpoint<'static>| {
        ep.around(|ep, req: Request| async move {
            if req.header("authorization").is_none() {
                return Err(poem::Error::from_status(StatusCode::FORBIDDEN));
            }
            ep.call(req).await
        })
    };
    let all = Route::new().at("/items", route()).at("/boom", get(boom));
    let app: poem::endpoint::BoxEndpoint<'static> = match own {
        "none" => all.map_to_response().boxed(),
        "path" => Route::new().at("/items", route().with(cors)).at("/other", route()).map_to_response().boxed(),
        "auth" => login(all.with(cors).map_to_response().boxed()).into_endpoint().map_to_response().boxed(),
        _ => all.at("/other", route()).with(cors).map_to_response().boxed(),
    };
    Server::new(TcpListener::bind(("127.0.0.1", port))).run(app).await.unwrap();
}
