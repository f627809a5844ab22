import Trace

/// What became of a mutant.
enum Verdict: String, CaseIterable {
  /// A `TraceError`.
  case refused
  /// Reads as the sound file does: the change meant nothing.
  case same
  /// Other contents that keep every rule: recorded anew, they read the same again.
  case otherSound = "other, sound"
  /// Other contents where the base's were expected, without an error.
  case silent
  /// Accepted, though the recorder refuses to write such a thing.
  case contradiction
  /// An error that is no `TraceError`.
  case untyped
  /// The library crashed or ran out of time in the worker; `wctrace verify` says corrupt and lives.
  case contained
  case crash
  case hang

  var isFailure: Bool { ![.refused, .same, .otherSound, .contained].contains(self) }
}
