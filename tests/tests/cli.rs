//! Real kills, each played twice: without a tracer, where the workload and the oracle must be right
//! by themselves; and with one, whose event must agree with the oracle in every field.
