//! The OpenAPI document: made from the routes and the types, completed from the table of operations.

use std::sync::LazyLock;

use axum::body::Bytes;
use operator_api::{Problem, paths};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
        SecurityRequirement,
        extensions::ExtensionsBuilder,
        path::{Operation as Described, PathItem},
        schema::{AdditionalProperties, ComponentsBuilder, Object, Schema, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

use super::{
    access::{Access, OPERATIONS, Operation},
    answer, routes,
};

/// The document's octets. It never changes while the server runs, and making it takes far longer than sending it.
pub(super) static WRITTEN: LazyLock<Bytes> = LazyLock::new(|| answer::written(&openapi()).into());

/// The description of the operator API, as it is served and as it stands in `specs/openapi.json`.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = routes().into_openapi();
    for operation in OPERATIONS {
        if let Some(item) = document.paths.paths.get_mut(operation.path)
            && let Some(described) = of_method(item, operation)
        {
            complete(operation, described);
        }
    }
    for (name, strict) in [("Device", Strictness::Open), ("NewDevice", Strictness::Closed)] {
        flatten(&mut document, name, strict);
    }
    document
}

/// Whether an object may have members that are not described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    Open,
    Closed,
}

/// Makes one object of a schema that is said to be all of several: of a closed object nothing can be the other half.
fn flatten(document: &mut OpenApi, name: &str, strictness: Strictness) {
    let Some(components) = &mut document.components else { return };
    let Some(RefOr::T(Schema::AllOf(parts))) = components.schemas.get(name).cloned() else { return };
    let mut whole = Object::with_type(Type::Object);
    whole.description = parts.description;
    for part in parts.items {
        let part = match part {
            RefOr::T(part) => Some(part),
            RefOr::Ref(reference) => {
                let named = reference.ref_location.rsplit('/').next().and_then(|name| components.schemas.get(name));
                named.and_then(|found| if let RefOr::T(found) = found { Some(found.clone()) } else { None })
            }
        };
        if let Some(Schema::Object(part)) = part {
            whole.properties.extend(part.properties);
            whole.required.extend(part.required);
        }
    }
    if strictness == Strictness::Closed {
        whole.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    components.schemas.insert(name.to_owned(), RefOr::T(Schema::Object(whole)));
}

fn of_method<'a>(item: &'a mut PathItem, operation: &Operation) -> Option<&'a mut Described> {
    match operation.method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// Adds what the table and the guard make true of an operation, whatever its handler says: who may use it, and how it may
/// fail.
fn complete(operation: &Operation, described: &mut Described) {
    let changes = operation.method.as_str() != "GET";
    let named = operation.path.contains('{');
    let role = match operation.access {
        Access::Anybody => "anybody",
        Access::Role(role) => role.as_str(),
    };
    described.extensions.get_or_insert_default().merge(ExtensionsBuilder::new().add("x-role", role).build());
    let mut errors = vec![(406, "The answer exists in no media type that the request accepts.")];
    if operation.access == Access::Anybody {
        described.security = Some(Vec::new());
    } else {
        errors.extend([
            (401, "There is no token, or it opens nothing."),
            (403, "The user's role does not suffice."),
            (429, "Too many wrong tokens came from this address."),
            (500, "The server failed; its log says why."),
            (503, "The database cannot answer now."),
        ]);
    }
    if operation.access != Access::Anybody || changes {
        errors.push((400, "A parameter, a header field or the body cannot be read."));
    }
    // A site may have no DHCP server to ask.
    if named || changes || operation.path == paths::EXPLAIN_DHCP {
        errors.push((404, "There is no such resource."));
    }
    if changes {
        errors.extend([
            (408, "The body did not arrive in time."),
            (409, "What is there does not allow it."),
            (412, "The record was changed since it was read."),
            (413, "The body is too large."),
            (415, "The body is of another media type."),
            (422, "The body is not what this operation takes."),
        ]);
    }
    for (status, description) in errors {
        described.responses.responses.entry(status.to_string()).or_insert_with(|| {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
            ResponseBuilder::new().description(description).content(Problem::MEDIA_TYPE, problem).build().into()
        });
    }
}

/// What stands before the operations.
pub(super) fn preamble() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token, made by `sztp init` or `sztp token create`."))
        .build();
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Operator API of the bootstrap server")
                .version("1")
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .security(Some([SecurityRequirement::new(TOKEN, std::iter::empty::<&str>())]))
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme(TOKEN, SecurityScheme::Http(token))
                .schema(Problem::name(), Problem::schema())
                .build(),
        ))
        .tags(Some([
            tag("server", "What the server is and how it does."),
            tag("devices", "The owner's list of devices, and what is decided about them."),
            tag("manufacturers", "Whose devices are taken in."),
            tag("profiles", "What classes of devices are to become."),
            tag("vouchers", "Ownership vouchers (RFC 8366)."),
            tag("certificates", "What the authorities of this server issued."),
            tag("dhcp", "What the DHCP servers have lent, and what they would answer."),
            tag("factory", "Production orders: what a factory's stations may have certified."),
            tag("users", "Who may use this API."),
            tag("tokens", "By what they are known."),
            tag("audit", "What happened."),
            tag("backup", "Everything that is stored."),
        ]))
        .build()
}

/// The name of the one security scheme.
const TOKEN: &str = "token";

const DESCRIPTION: &str = "Names are kebab-case; dates are RFC 3339 in UTC with milliseconds; octets are base64; digests \
    are lower-case hex. Members and query parameters that are not described are refused. Every operation names the role \
    it takes (`x-role`): each role may do what the ones before it may (viewer, operator, admin). A POST or PATCH with \
    `Idempotency-Key` that is sent again within a day is not carried out again. A change of a device with `If-Match` \
    fails with 412 when somebody was faster. Errors are `Problem` documents (RFC 9457).";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_and_the_table_of_operations_are_the_same() {
        let document = openapi();
        let described: Vec<_> = document
            .paths
            .paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = [
                    ("GET", item.get.is_some()),
                    ("POST", item.post.is_some()),
                    ("PUT", item.put.is_some()),
                    ("PATCH", item.patch.is_some()),
                    ("DELETE", item.delete.is_some()),
                ];
                methods.into_iter().filter(|(_, there)| *there).map(move |(method, _)| format!("{method} {path}"))
            })
            .collect();
        let mut table: Vec<_> = OPERATIONS.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
        let mut sorted = described.clone();
        sorted.sort();
        table.sort();
        assert_eq!(sorted, table);
    }

    #[test]
    fn a_device_is_one_object_with_all_its_members() {
        let document = serde_json::to_value(openapi()).unwrap();
        for (name, closed) in [("Device", false), ("NewDevice", true)] {
            let schema = &document["components"]["schemas"][name];
            assert!(schema["properties"]["serial-number"].is_object(), "{schema}");
            assert!(schema["properties"]["mac-addresses"].is_object(), "{schema}");
            assert_eq!(schema["additionalProperties"] == serde_json::json!(false), closed, "{schema}");
        }
    }

    #[test]
    fn every_operation_says_what_it_does_who_may_and_how_it_fails() {
        let mut document = openapi();
        for operation in OPERATIONS {
            let item = document.paths.paths.get_mut(operation.path).unwrap();
            let described = of_method(item, operation).unwrap();
            let name = format!("{} {}", operation.method, operation.path);
            assert!(described.summary.as_ref().is_some_and(|summary| !summary.ends_with('.')), "{name}");
            assert!(described.extensions.as_ref().unwrap().contains_key("x-role"), "{name}");
            assert!(described.responses.responses.contains_key("406"), "{name}");
            assert!(described.operation_id.is_some(), "{name}");
        }
    }
}
