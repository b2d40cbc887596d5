//! What a browser or a person looks at: the way to the documentation, the error table, the description itself.
//!
//! These are pages and no part of the interface: they are not described by it and promise nothing.

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, get};
use utoipa_swagger_ui::SwaggerUi;

use super::describe::{openapi, openapi_yaml};
use super::problem::ApiError;
use crate::error::ErrorCode;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(root)
        .service(docs)
        .service(errors)
        .service(yaml)
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", openapi()));
}

#[get("/")]
async fn root() -> HttpResponse {
    to("/docs")
}

#[get("/docs")]
async fn docs() -> HttpResponse {
    to("/docs/")
}

fn to(place: &'static str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((header::LOCATION, place))
        .finish()
}

#[get("/openapi.yaml")]
async fn yaml() -> Result<HttpResponse, ApiError> {
    static YAML: OnceLock<String> = OnceLock::new();
    if YAML.get().is_none() {
        let made = openapi_yaml()?;
        YAML.get_or_init(|| made);
    }
    let text = YAML.get().cloned().unwrap_or_default();
    Ok(HttpResponse::Ok()
        .content_type("application/yaml")
        .body(text))
}

#[get("/docs/errors")]
async fn errors() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(errors_html())
}

/// The error table; every problem's `type` leads to a row of it. Its texts are constants of ours.
fn errors_html() -> String {
    let mut rows = String::new();
    for code in ErrorCode::ALL {
        rows.push_str(&format!(
            "<tr id=\"{code}\"><td><code>{code}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            code.http_status(),
            code.class().as_str(),
            escape(code.title()),
            escape(code.action()),
        ));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error codes</title>\
         <style>body{{font-family:sans-serif;margin:2em}}td{{padding:.3em .8em;vertical-align:top}}\
         tr:target{{background:#fe9}}</style></head><body>\n<h1>Error codes</h1>\n<table>\n\
         <tr><th>code</th><th>status</th><th>class</th><th>meaning</th><th>what to do</th></tr>\n\
         {rows}</table>\n</body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_place() {
        let html = errors_html();
        for code in ErrorCode::ALL {
            assert!(html.contains(&format!("<tr id=\"{code}\">")), "{code}");
        }
        assert!(!html.contains("Bearer <key>"), "texts are escaped");
    }
}
