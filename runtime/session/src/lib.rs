//! The one door: every operation of every protocol is judged, approved, recorded and given leave here and nowhere else.
