//! BTF bytes to offsets, enum values and prototypes. Pure.
