// A description as the payload of a journal's first record.
extension TraceDescription {
  /// How features lie in the file is left out where only what they say counts.
  func write(to fields: inout FieldWriter, includesCoding: Bool = true) {
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
    if !header.conditions.isEmpty {
      fields.put(Section.conditions.rawValue)
      fields.put(UInt32(header.conditions.count))
      for condition in header.conditions { Self.write(condition, to: &fields) }
    }
    if let lossy {
      fields.put(Section.lossy.rawValue)
      fields.put(lossy.fraction)
      fields.put(lossy.percentile)
    }
    if coding == .stepDelta, includesCoding {
      fields.put(Section.stepDelta.rawValue)
      fields.put(UInt32(keyInterval))
    }
  }

  // What may follow, in this order, each at most once.
  private enum Section: UInt8 {
    case conditions = 1
    case lossy = 2
    case stepDelta = 3
  }

  private static func write(_ condition: Condition, to fields: inout FieldWriter) {
    fields.put(condition.name)
    switch condition.value {
    case .text(let text):
      fields.put(UInt8(0))
      fields.put(text)
    case .numbers(let numbers):
      fields.put(UInt8(1))
      fields.put(UInt32(numbers.count))
      for number in numbers { fields.put(number) }
    }
  }

  private static func condition(from fields: inout FieldReader) throws(FieldReader.Failure) -> Condition {
    let name = try fields.string()
    switch try fields.integer(UInt8.self) {
    case 0: return Condition(name, try fields.string())
    case 1:
      var numbers: [Double] = []
      for _ in 0..<(try fields.count(of: 8)) { numbers.append(try fields.double()) }
      return Condition(name, numbers)
    default: throw FieldReader.Failure()
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
    var coding = FeatureCoding.plain
    var keyInterval = 1
    var lossy: LossyRule?
    var last: UInt8 = 0
    while fields.byteCount > 0 {
      guard let section = Section(rawValue: try fields.integer()), section.rawValue > last else {
        throw FieldReader.Failure()
      }
      last = section.rawValue
      switch section {
      case .conditions:
        for _ in 0..<(try fields.count(of: 9)) { header.conditions.append(try Self.condition(from: &fields)) }
      case .lossy: lossy = LossyRule(fraction: try fields.double(), percentile: try fields.double())
      case .stepDelta:
        coding = .stepDelta
        keyInterval = Int(try fields.integer(UInt32.self))
      }
    }
    try self.init(
      header: header, dtype: dtype, coding: coding, keyInterval: keyInterval, lossy: lossy, layouts: layouts,
      taps: taps, plannedCallCount: plannedCallCount,
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
