//! Messages in slots: encoding, encryption, evaluation.

pub(crate) mod arithmetic;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod encrypt;
pub(crate) mod extended;
pub(crate) mod key_switch;
pub(crate) mod linear;
pub(crate) mod scalar;
pub(crate) mod types;
