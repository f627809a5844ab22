// A description as the payload of a journal's first record.
extension TraceDescription {
  func write(to fields: inout FieldWriter) {
    for text in [header.model, header.weightsDigest, header.solver, header.blasCore, header.recorder] {
      fields.put(text)
    }
    fields.put(header.shift)
    for number in [
      header.stepCount, header.chunkCount, header.branchCount, header.blockCount, header.sceneSeed,
      header.noiseSeed, header.blasThreadCount, plannedCallCount,
    ] {
      fields.put(Int64(number))
    }
    fields.put(dtype.rawValue)
    fields.put(UInt32(layouts.count))
    for layout in layouts {
      fields.put(layout.name)
      fields.put(layout.modalities.joined(separator: ","))
      fields.put(UInt32(layout.channelCount))
      fields.put(UInt32(layout.tokens.count))
      for token in layout.tokens {
        for (_, path) in TraceFormat.tokenIntegers { fields.put(Int32(token[keyPath: path])) }
        fields.put(UInt8(token.isValid ? 1 : 0))
      }
    }
    fields.put(UInt32(recordedTaps.count))
    for tap in recordedTaps {
      fields.put(tap.name)
      fields.put(taps[tap] ?? "")
    }
  }

  /// Reads a whole payload; throws `corrupt` when it does not make sense.
  init(from payload: [UInt8], path: String) throws(TraceError) {
    var fields = FieldReader(payload[...])
    do {
      try self.init(from: &fields, path: path)
      try fields.requireEnd()
    } catch {
      let reason = (error as? TraceError)?.message ?? "it is cut off or holds impossible values"
      throw TraceError(
        .corrupt, path: path, at: "byte 0", "the journal's first record is unusable: \(reason)")
    }
  }

  private init(from fields: inout FieldReader, path: String) throws {
    var header = TraceHeader(
      model: try fields.string(), weightsDigest: try fields.string(), solver: try fields.string(), shift: 0,
      stepCount: 0, blockCount: 0, recorder: "")
    header.blasCore = try fields.string()
    header.recorder = try fields.string()
    header.shift = try fields.double()
    header.stepCount = try fields.int()
    header.chunkCount = try fields.int()
    header.branchCount = try fields.int()
    header.blockCount = try fields.int()
    header.sceneSeed = try fields.int()
    header.noiseSeed = try fields.int()
    header.blasThreadCount = try fields.int()
    let plannedCallCount = try fields.int()
    guard let dtype = StorageType(rawValue: try fields.string()) else { throw FieldReader.Failure() }
    var layouts: [TokenTable] = []
    for _ in 0..<(try fields.count(of: 16)) { layouts.append(try Self.layout(from: &fields)) }
    var taps: [Tap: String] = [:]
    for _ in 0..<(try fields.count(of: 8)) {
      guard let tap = Tap(name: try fields.string()), taps[tap] == nil else { throw FieldReader.Failure() }
      taps[tap] = try fields.string()
    }
    try self.init(
      header: header, dtype: dtype, layouts: layouts, taps: taps, plannedCallCount: plannedCallCount,
      path: path)
  }

  private static func layout(from fields: inout FieldReader) throws(FieldReader.Failure) -> TokenTable {
    let name = try fields.string()
    let modalities = try fields.string().split(separator: ",", omittingEmptySubsequences: false)
    let channelCount = Int(try fields.integer(UInt32.self))
    var tokens: [TokenTable.Token] = []
    for _ in 0..<(try fields.count(of: 21)) {
      var token = TokenTable.Token(modality: 0, frame: 0, row: 0, column: 0, validChannels: 0)
      for (_, path) in TraceFormat.tokenIntegers {
        token[keyPath: path] = Int(try fields.integer(Int32.self))
      }
      let valid: UInt8 = try fields.integer()
      guard valid <= 1 else { throw FieldReader.Failure() }
      token.isValid = valid == 1
      tokens.append(token)
    }
    return TokenTable(
      name: name, modalities: modalities.map(String.init), channelCount: channelCount, tokens: tokens)
  }
}
