/// Names, limits and rules of the file format, shared by writer and reader (`docs/trace-format.md`).
///
/// Each rule is a function that answers with the problem it finds, so that the writer refuses what
/// the reader would call corrupt.
package enum TraceFormat {
  package static let name = "wctrace"
  /// The newest version, of traces with any of conditions, bfloat16, step differences and bounds;
  /// without them a trace is of version 1.
  package static let version = 2
  /// What the name of a file ends with until its recording is finished.
  package static let unfinishedSuffix = ".partial"
  /// What follows a trace's name in the name of its journal.
  package static let journalSuffix = ".wcj"

  /// Most entries of one kind: calls, chunks, tokens of a layout, channels.
  package static let largestCount = 1 << 24
  /// Most numbers in one tensor.
  static let largestTensor = 1 << 28
  static let mostBlocks = 4096
  static let mostLayouts = 4096
  static let mostConditions = 256
  /// Most numbers of one condition.
  static let mostNumbers = 1 << 16
  /// Most calls from one value that is stored as it is to the next, with step differences.
  static let longestKeyInterval = 1000

  static var callIntegers: [(name: String, path: WritableKeyPath<Call, Int>)] {
    [
      ("ordinal", \.ordinal), ("chunk", \.chunk), ("branch", \.branch), ("expert", \.expert),
      ("stage", \.stage),
      ("step", \.step), ("position", \.position),
    ]
  }

  static var callNumbers: [(name: String, path: WritableKeyPath<Call, Double>)] {
    [
      ("timestep", \.timestep), ("sigma", \.sigma), ("guidance", \.guidance), ("weight", \.weight),
      ("seconds", \.seconds),
    ]
  }

  static var tokenIntegers: [(name: String, path: WritableKeyPath<TokenTable.Token, Int>)] {
    [
      ("modality", \.modality), ("frame", \.frame), ("row", \.row), ("column", \.column),
      ("valid_channels", \.validChannels),
    ]
  }

  static func problem(with header: TraceHeader) -> String? {
    for (what, text) in [
      ("model", header.model), ("weights digest", header.weightsDigest), ("solver", header.solver),
      ("BLAS core", header.blasCore), ("recorder", header.recorder),
    ] {
      guard !isText(text) else { continue }
      return "the \(what) must have at most \(HDF5Attributes.longestString) bytes and no zero byte"
    }
    for (what, count, most) in [
      ("steps", header.stepCount, largestCount), ("chunks", header.chunkCount, largestCount),
      ("branches", header.branchCount, largestCount), ("blocks", header.blockCount, mostBlocks),
    ] where !(1...most).contains(count) {
      return "the number of \(what) must be 1 to \(most), it is \(count)"
    }
    return problem(with: header.conditions)
  }

  private static func problem(with conditions: [Condition]) -> String? {
    guard conditions.count <= mostConditions, Set(conditions.map(\.name)).count == conditions.count else {
      return "there can be \(mostConditions) conditions, each with a name of its own"
    }
    for condition in conditions {
      let name = condition.name
      guard (1...200).contains(name.utf8.count), !name.utf8.contains(0) else {
        return "a condition's name must have 1 to 200 bytes and no zero byte, it is '\(name)'"
      }
      switch condition.value {
      case .text(let text) where !isText(text):
        return
          "the condition \(name) must have at most \(HDF5Attributes.longestString) bytes and no zero byte"
      case .numbers(let numbers) where !(1...mostNumbers).contains(numbers.count):
        return "the condition \(name) must have 1 to \(mostNumbers) numbers, it has \(numbers.count)"
      case .text, .numbers: break
      }
    }
    return nil
  }

  private static func isText(_ text: String) -> Bool {
    text.utf8.count <= HDF5Attributes.longestString && !text.utf8.contains(0)
  }

  static func problem(with call: Call, at ordinal: Int, in header: TraceHeader) -> String? {
    guard call.ordinal == ordinal else { return "call \(ordinal) must come next, not call \(call.ordinal)" }
    for (what, index, count) in [
      ("chunk", call.chunk, header.chunkCount), ("branch", call.branch, header.branchCount),
      ("step", call.step, header.stepCount), ("expert", call.expert, largestCount),
      ("stage", call.stage, largestCount), ("position", call.position, largestCount),
    ] where !(0..<count).contains(index) {
      return "the \(what) of call \(ordinal) must be 0 to \(count - 1), it is \(index)"
    }
    return nil
  }

  static func problem(with layout: TokenTable) -> String? {
    let name = layout.name
    guard (1...200).contains(name.utf8.count), name != ".", name != "..", !name.contains("/"),
      !name.utf8.contains(0)
    else { return "a layout's name must have 1 to 200 bytes and no slash, it is '\(name)'" }
    guard !layout.modalities.isEmpty, layout.modalities.allSatisfy({ !$0.isEmpty && !$0.contains(",") })
    else {
      return "the layout \(name) needs modalities whose names are not empty and have no comma"
    }
    guard isText(layout.modalities.joined(separator: ",")) else {
      return "the modalities of the layout \(name) are too long or have a zero byte"
    }
    guard (1...largestCount).contains(layout.channelCount), (1...largestCount).contains(layout.tokens.count),
      layout.channelCount * layout.tokens.count <= largestTensor
    else {
      return
        "the layout \(name) has \(layout.tokens.count) x \(layout.channelCount) numbers, which no tensor can have"
    }
    for (row, token) in layout.tokens.enumerated() {
      guard layout.modalities.indices.contains(token.modality),
        (0...layout.channelCount).contains(token.validChannels),
        [token.frame, token.row, token.column].allSatisfy({ Int32(exactly: $0) != nil })
      else {
        return "row \(row) of the layout \(name) names a modality, channels or a place that it cannot have"
      }
    }
    return nil
  }
}
