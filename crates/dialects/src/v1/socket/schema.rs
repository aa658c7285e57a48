//! The frames as schemas, generated from the structs: components of
//! `/openapi.json` and of `/asyncapi.json` alike.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{AllOf, Discriminator, Object, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::decode::REF_BYTES;
use super::event::{self, Event};
use super::op;

/// A frame: an op or an event.
pub(in crate::v1) struct Frame {
    /// The word that names it on the wire.
    pub(in crate::v1) name: &'static str,
    /// The name of its schema.
    pub(in crate::v1) schema_name: String,
    /// Its schema.
    pub(in crate::v1) schema: Object,
    /// The schemas to which that one refers.
    pub(in crate::v1) parts: Vec<Part>,
}

/// What clients send.
pub(in crate::v1) fn ops() -> Vec<Frame> {
    op::documented()
}

/// What clients are told.
pub(in crate::v1) fn events() -> Vec<Frame> {
    event::documented()
}

/// Adds the frames to the components of the calls, so that clients in other
/// languages get their types from one document.
pub(in crate::v1) fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (union, property, frames) in [
        ("ClientFrame", "op", ops()),
        ("ServerFrame", "ev", events()),
    ] {
        let schema = one_of(property, &frames);
        components.schemas.insert(union.to_owned(), schema);
        components.schemas.extend(schemas(frames));
    }
}

/// The schemas of frames, by name, with all to which they refer.
pub(in crate::v1) fn schemas(frames: Vec<Frame>) -> BTreeMap<String, RefOr<Schema>> {
    let mut schemas = BTreeMap::new();
    for frame in frames {
        schemas.extend(frame.parts);
        schemas.insert(frame.schema_name, Schema::Object(frame.schema).into());
    }
    schemas
}

fn one_of(property: &str, frames: &[Frame]) -> RefOr<Schema> {
    let mapping = frames.iter().map(|frame| {
        let Ref { ref_location, .. } = Ref::from_schema_name(&frame.schema_name);
        (frame.name, ref_location)
    });
    let union =
        OneOfBuilder::new().discriminator(Some(Discriminator::with_mapping(property, mapping)));
    frames
        .iter()
        .fold(union, |union, frame| {
            union.item(Ref::from_schema_name(&frame.schema_name))
        })
        .into()
}

impl Frame {
    /// An op of this name.
    pub(super) fn op<T: ToSchema>(name: &'static str) -> Self {
        let mut frame = Self::new::<T>("op", name);
        let reference = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(REF_BYTES))
            .description(Some("Comes back in the answer."));
        let properties = &mut frame.schema.properties;
        properties.insert("ref".to_owned(), reference.into());
        frame
    }

    /// An event.
    pub(super) fn event<E: Event>() -> Self {
        Self::new::<E>("ev", E::NAME)
    }

    fn new<T: ToSchema>(property: &str, name: &'static str) -> Self {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        let mut flattened = Vec::new();
        let mut schema = flat(<T as PartialSchema>::schema(), &parts, &mut flattened);
        parts.retain(|(part, _)| !flattened.contains(part));
        let word = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some([name]));
        schema.properties.insert(property.to_owned(), word.into());
        schema.required.insert(0, property.to_owned());
        Self {
            name,
            schema_name: T::name().into_owned(),
            schema,
            parts,
        }
    }

    /// What the frame is for.
    pub(in crate::v1) fn description(&self) -> &str {
        self.schema.description.as_deref().unwrap_or_default()
    }

    /// A whole frame, for people to read.
    pub(in crate::v1) fn example(&self) -> Option<&Value> {
        self.schema.example.as_ref()
    }
}

type Part = (String, RefOr<Schema>);

/// One object with the members of all parts: what flattened structs become.
fn flat(schema: RefOr<Schema>, parts: &[Part], flattened: &mut Vec<String>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        RefOr::T(Schema::AllOf(all)) => flat_all(all, parts, flattened),
        RefOr::Ref(Ref { ref_location, .. }) => {
            let name = ref_location.rsplit('/').next().unwrap_or_default();
            flattened.push(name.to_owned());
            let part = parts.iter().find(|(known, _)| known == name);
            part.map_or_else(Object::new, |(_, part)| {
                flat(part.clone(), parts, flattened)
            })
        }
        RefOr::T(_) => Object::new(),
    }
}

fn flat_all(all: AllOf, parts: &[Part], flattened: &mut Vec<String>) -> Object {
    let mut whole = Object::new();
    for item in all.items {
        let item = flat(item, parts, flattened);
        whole.properties.extend(item.properties);
        whole.required.extend(item.required);
        whole.example = whole.example.or(item.example);
    }
    whole.description = all.description;
    whole.example = all.example.or(whole.example);
    whole
}
