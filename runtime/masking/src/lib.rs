//! Detectors and maskers on bytes and typed values. Pure and streaming: no I/O, no async, no result held.
