//! End-to-end and architecture tests of the whole project; everything stands under `tests/`. This library is empty.
