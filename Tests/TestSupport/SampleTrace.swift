public import Trace

/// A tiny trace with every kind of content, made of numbers that a test can foretell.
///
/// Two chunks of one step with two branches, a model of one block, six tokens of four channels.
public enum SampleTrace {
  public static let header = TraceHeader(
    model: "sample", weightsDigest: "sha256:00", solver: "euler", shift: 3, stepCount: 1, chunkCount: 2,
    branchCount: 2, blockCount: 1, sceneSeed: 7, noiseSeed: -1, blasThreadCount: 2, blasCore: "Zen",
    recorder: "tests — 1")

  public static let output = TokenTable(
    name: "output", modalities: ["rgb", "disparity"], channelCount: 4,
    tokens: (0..<6).map {
      TokenTable.Token(
        modality: $0 % 2, frame: $0 / 3, row: 0, column: $0 % 3, validChannels: $0 == 5 ? 0 : 3,
        isValid: $0 != 5)
    })

  public static let step = TokenTable.vector(name: "step", channelCount: 5)

  public static let taps: [Tap: String] = [
    .latent: "output", .timestep: "step", .hidden(0): "output", .block(1): "output", .output: "output",
    .guided: "output",
  ]

  /// Calls 0 and 1 are the branches of chunk 0, 2 and 3 those of chunk 1.
  public static let calls = (0..<4).map {
    Call(
      ordinal: $0, chunk: $0 / 2, branch: $0 % 2, step: 0, position: 0, timestep: 1000, sigma: 1,
      guidance: 1.5,
      weight: $0 % 2 == 0 ? -1.5 : 0.5, seconds: 0.25 * Double($0))
  }

  /// Element `i` is `call + 0.01 · i` with the sign turned for every other tap name length; 0 in channels that pad a
  /// token.
  public static func tensor(_ tap: Tap, call: Int) -> Tensor {
    let sign: Float = tap.name.count.isMultiple(of: 2) ? 1 : -1
    return padded(taps[tap] == "step" ? step : output) { sign * (Float(call) + 0.01 * Float($0)) }
  }

  // Rows that only pad the tensor hold numbers like all others.
  private static func padded(_ layout: TokenTable, _ value: (Int) -> Float) -> Tensor {
    let width = layout.channelCount
    let values = (0..<layout.tokens.count * width).map { place -> Float in
      let token = layout.tokens[place / width]
      return token.isValid && place % width >= token.validChannels ? 0 : value(place)
    }
    return Tensor(rows: layout.tokens.count, columns: width, values: values)
  }

  /// How the features came about: the first branch goes through fresh; call 2 skips block 1.
  public static func state(_ tap: Tap, call: Int) -> TapState {
    switch (tap, call) {
    case (.guided, 1), (.guided, 3), (.block(1), 2): .absent
    case (.output, 2): .predicted
    case (.guided, 2): .derived
    default: .fresh
    }
  }

  /// Seconds from the tap before: the call's ordinal plus a fraction for the tap's place.
  public static func stretchSeconds(call: Int) -> [Tap: Double] {
    let line = Tap.line(blockCount: header.blockCount)
    return Dictionary(uniqueKeysWithValues: line.enumerated().map { ($1, Double(call) + Double($0) / 16) })
  }

  /// The final latent of a chunk.
  public static func final(chunk: Int) -> Tensor {
    padded(output) { Float($0 * $0) / 7 + Float(chunk) }
  }

  /// Records the sample up to, not including, `finish()`; `afterWrite` is called after each write.
  public static func record(
    to path: String, dtype: StorageType = .float32, durability: Durability = .none,
    afterWrite: (TraceWriter) throws -> Void = { _ in }
  ) throws -> TraceWriter {
    let writer = try TraceWriter(
      path: path, header: header, layouts: [output, step], taps: taps, callCount: calls.count, dtype: dtype,
      durability: durability)
    try afterWrite(writer)
    for call in calls {
      let states = Dictionary(uniqueKeysWithValues: taps.keys.map { ($0, state($0, call: call.ordinal)) })
      let present = taps.keys.filter { states[$0] != .absent }
      try writer.append(
        call, states: states, stretchSeconds: stretchSeconds(call: call.ordinal),
        features: Dictionary(uniqueKeysWithValues: present.map { ($0, tensor($0, call: call.ordinal)) }))
      try afterWrite(writer)
    }
    for chunk in 0..<header.chunkCount {
      try writer.setFinal(chunk: chunk, final(chunk: chunk))
      try afterWrite(writer)
    }
    return writer
  }
}
