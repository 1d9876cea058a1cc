//! The services and messages as clients were promised them: names, numbers and types that never change.

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};
use std::collections::BTreeSet;
use std::path::Path;

/// What was promised: one line for each thing that a client may rely on.
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto.lock");

/// Set to have new lines added to the promise.
const UPDATE: &str = "UPDATE_PROTO_LOCK";

fn lines(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for service in pool.services() {
        for method in service.methods() {
            let (input, output) = (method.input(), method.output());
            let stream = |is_stream| if is_stream { "stream " } else { "" };
            lines.insert(format!(
                "rpc {}/{} ({}{}) returns ({}{})",
                service.full_name(),
                method.name(),
                stream(method.is_client_streaming()),
                input.full_name(),
                stream(method.is_server_streaming()),
                output.full_name(),
            ));
        }
    }
    for message in pool.all_messages() {
        lines.insert(format!("message {}", message.full_name()));
        lines.extend(message.fields().map(|field| field_line(&message, &field)));
    }
    for kind in pool.all_enums() {
        lines.extend(
            kind.values().map(|value| format!("value {}.{} = {}", kind.full_name(), value.name(), value.number())),
        );
    }
    lines
}

fn field_line(message: &MessageDescriptor, field: &FieldDescriptor) -> String {
    let label = if field.is_list() {
        "repeated"
    } else if field.supports_presence() {
        "optional"
    } else {
        "singular"
    };
    let (name, number) = (field.name(), field.number());
    format!("field {}.{name} = {number}: {label} {:?}", message.full_name(), field.kind())
}

fn listing(lines: &BTreeSet<String>) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn no_promise_to_clients_is_broken() {
    let pool = DescriptorPool::decode(grpc::DESCRIPTOR_SET).unwrap();
    let is = lines(&pool);
    let promised: BTreeSet<_> =
        std::fs::read_to_string(Path::new(LOCK)).unwrap_or_default().lines().map(str::to_owned).collect();

    let broken: BTreeSet<_> = promised.difference(&is).cloned().collect();
    assert!(
        broken.is_empty(),
        "If you're here because you changed proto/: clients rely on these lines, which are there no more. \
         Put them back, and add new names and numbers beside them instead.\n{}",
        listing(&broken)
    );
    let added: BTreeSet<_> = is.difference(&promised).cloned().collect();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(LOCK, listing(&is)).unwrap();
        return;
    }
    assert!(
        added.is_empty(),
        "If you're here because you added to proto/: to promise these lines to clients for ever, run \
         `{UPDATE}=1 cargo test -p grpc --test proto_lock`.\n{}",
        listing(&added)
    );
}

#[test]
fn a_changed_number_type_or_name_is_seen() {
    let pool = DescriptorPool::decode(grpc::DESCRIPTOR_SET).unwrap();
    let is = lines(&pool);
    for promise in [
        "rpc user.UserQueryService/GetUserByID (user.GetUserByIDRequest) returns (user.UserResponse)",
        "message user.UserLoginResponse",
        "field user.UserRegisterRequest.confirm_password = 5: singular string",
    ] {
        assert!(is.contains(promise), "{promise}\n{}", listing(&is));
    }
}
