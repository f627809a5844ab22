/// How the numbers of features lie in the file; readers get the same numbers either way.
public enum FeatureCoding: String, Hashable, Sendable, CaseIterable {
  /// As they are: other HDF5 programs read them.
  case plain
  /// As differences to the value before, smaller, which other programs see as unsigned integers and have to undo.
  case stepDelta = "step-delta"
}
