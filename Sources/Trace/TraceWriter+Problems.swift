// What the writer refuses, in words; nil when all is well.
extension TraceWriter {
  func problem(
    _ call: Call, after count: Int, _ states: [Tap: TapState], _ stretchSeconds: [Tap: Double],
    _ features: [Tap: Tensor]
  ) -> String? {
    if let problem = description.problem(with: call, after: count) { return problem }
    for tap in Set(states.keys).union(features.keys).sorted() {
      guard let layout = description.layout(of: tap) else { return "the tap \(tap) is not recorded here" }
      guard (features[tap] != nil) == (states[tap].map { $0 != .absent } ?? true) else {
        return "the tap \(tap) must have a tensor exactly when it is not absent"
      }
      guard let feature = features[tap] else { continue }
      if let problem = Self.problem(feature, layout) { return "at the tap \(tap), \(problem)" }
    }
    for tap in stretchSeconds.keys where !description.line.contains(tap) {
      return "a model with \(header.blockCount) blocks has no tap \(tap)"
    }
    return nil
  }

  static func problem(_ tensor: Tensor, _ layout: TokenTable) -> String? {
    guard tensor.rows != layout.tokens.count || tensor.columns != layout.channelCount else { return nil }
    return """
      the tensor must be \(layout.tokens.count) x \(layout.channelCount) as the layout \(layout.name) says, \
      it is \(tensor.rows) x \(tensor.columns)
      """
  }
}
