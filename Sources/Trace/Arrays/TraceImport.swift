/// Makes a trace of arrays that other programs saved, one per tap, and a JSON file that describes them.
///
/// The JSON file is specified in `docs/import.md`.
public enum TraceImport {
  /// Writes the trace and returns its number of calls; memory: one tensor per tap.
  ///
  /// `announce` is told what it will take before anything is written, and a disk with less space is refused
  /// unless `checksSpace` is false. Values that are not finite, which replay refuses, are refused unless
  /// `allowsNonFinite`; calls at which a tap is absent may hold anything. `progress` is told how many calls are done, of
  /// how many. Throws `missing`, `invalid`, `lacking`, `corrupt`, `exists`, `inUse` or `inputOutput`, with the file that
  /// is meant.
  public static func write(
    _ metadataPath: String, to path: String, recorder: String, overwrite: Bool = false,
    checksSpace: Bool = true, allowsNonFinite: Bool = false, announce: (RecordingEstimate) -> Void = { _ in },
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(TraceError) -> Int {
    let metadata = try ImportMetadata.read(metadataPath)
    let calls = calls(metadata)
    let header = try header(metadata, calls, recorder, metadataPath)
    if let problem = TraceFormat.problem(with: header) {
      throw TraceError(.invalid, path: metadataPath, problem)
    }
    let layouts = try metadata.tokenTables(metadataPath)
    var taps: [Tap: String] = [:]
    var states: [Tap: [TapState]] = [:]
    var files: [Tap: ArrayFile] = [:]
    for (name, source) in metadata.taps.sorted(by: { $0.key < $1.key }) {
      let place = "taps.\(name)"
      guard let tap = Tap(name: name) else {
        throw TraceError(.invalid, path: metadataPath, at: "taps", "there is no tap '\(name)'")
      }
      guard let layout = layouts[source.layout ?? name] else {
        throw TraceError(
          .invalid, path: metadataPath, at: place, "there is no layout '\(source.layout ?? name)'")
      }
      taps[tap] = layout.name
      states[tap] = try Self.states(source, callCount: calls.count, metadataPath, place)
      files[tap] = try open(source, layout, calls.count, beside: metadataPath)
    }
    let stretches = try stretches(metadata, metadataPath)
    let dtype = try dtype(metadata, files, metadataPath)
    let estimate = RecordingEstimate(
      calls: calls, layouts: Array(layouts.values), taps: taps, dtype: dtype,
      finalCount: metadata.final == nil ? 0 : header.chunkCount)
    announce(estimate)
    if checksSpace { try RecordingEstimate.requireSpace(estimate.largestByteCount, at: path) }
    let writer = try TraceWriter(
      path: path, header: header, layouts: layouts.values.sorted { $0.name < $1.name }, taps: taps,
      callCount: calls.count, dtype: dtype, overwrite: overwrite)
    do throws(TraceError) {
      var final: ArrayFile?
      if let source = metadata.final {
        guard let layout = writer.description.finalLayout else {
          throw TraceError(
            .invalid, path: metadataPath, at: "final", "final needs the tap output, guided or latent")
        }
        final = try open(source, layout, header.chunkCount, beside: metadataPath)
      }
      for call in calls {
        let own = states.mapValues { $0[call.ordinal] }
        var features: [Tap: Tensor] = [:]
        for (tap, file) in files where own[tap] != .absent {
          features[tap] = try tensor(
            file, call.ordinal, layouts[taps[tap]!]!, "\(tap), call \(call.ordinal)", allowsNonFinite)
        }
        try writer.append(
          call, states: own, stretchSeconds: stretches[call.ordinal], features: features)
        progress(call.ordinal + 1, calls.count)
      }
      for file in files.values { try file.finish() }
      if let final, let layout = writer.description.finalLayout {
        for chunk in 0..<header.chunkCount {
          try writer.setFinal(
            chunk: chunk, try tensor(final, chunk, layout, "final, chunk \(chunk)", allowsNonFinite))
        }
      }
      try writer.finish()
    } catch {
      // The arrays are still there: what an import that failed has got to is worth nothing.
      writer.discard()
      throw error
    }
    return calls.count
  }

  private static func open(
    _ source: ImportMetadata.Source, _ layout: TokenTable, _ entries: Int, beside metadataPath: String
  ) throws(TraceError) -> ArrayFile {
    let place =
      source.file.hasPrefix("/") ? source.file : FileSystem.folder(of: metadataPath) + "/" + source.file
    let file = try ArrayFile(path: place, name: source.array)
    let shape = [entries, layout.tokens.count, layout.channelCount]
    guard file.shape == shape else {
      throw TraceError(
        .invalid, path: place,
        "the shape must be \(shape), as calls and the layout \(layout.name) say; it is \(file.shape)")
    }
    return file
  }

  /// One entry; throws `invalid` where channels that only pad a token are not 0, since they would count, and at the
  /// first value that is not finite.
  private static func tensor(
    _ file: ArrayFile, _ entry: Int, _ layout: TokenTable, _ what: String, _ allowsNonFinite: Bool
  ) throws(TraceError) -> Tensor {
    let tensor = Tensor(rows: file.shape[1], columns: file.shape[2], values: try file.values(at: entry))
    if !allowsNonFinite, let place = tensor.values.firstIndex(where: { !$0.isFinite }) {
      let (row, channel) = place.quotientAndRemainder(dividingBy: tensor.columns)
      throw TraceError(
        .invalid, path: file.path, at: "\(what), token \(row)",
        "channel \(channel) is \(tensor.values[place]); replay needs finite values (--allow-non-finite takes others "
          + "over as they are)")
    }
    for (row, token) in layout.tokens.enumerated() where token.isValid {
      for channel in token.validChannels..<layout.channelCount {
        let value = tensor.values[row * layout.channelCount + channel]
        guard value == 0 else {
          throw TraceError(
            .invalid, path: file.path, at: "\(what), token \(row)",
            "channel \(channel) is \(value); the layout \(layout.name) has \(token.validChannels) valid channels "
              + "there, and those after must be 0")
        }
      }
    }
    return tensor
  }

  private static func states(
    _ source: ImportMetadata.Source, callCount: Int, _ path: String, _ place: String
  ) throws(TraceError) -> [TapState] {
    guard let names = source.states else { return Array(repeating: .fresh, count: callCount) }
    guard names.count == callCount else {
      throw TraceError(
        .invalid, path: path, at: place + ".states",
        "there must be one for each of the \(callCount) calls, there are \(names.count)")
    }
    return try names.map { name throws(TraceError) in
      guard let state = TapState.allCases.first(where: { $0.name == name }) else {
        throw TraceError(
          .invalid, path: path, at: place + ".states",
          "there is no state '\(name)'; there are \(TapState.allCases.map(\.name).joined(separator: ", "))")
      }
      return state
    }
  }

  private static func stretches(
    _ metadata: ImportMetadata, _ path: String
  ) throws(TraceError) -> [[Tap: Double]] {
    try metadata.calls.enumerated().map { index, entry throws(TraceError) in
      var stretches: [Tap: Double] = [:]
      for (name, seconds) in entry.stretches ?? [:] {
        guard let tap = Tap(name: name) else {
          throw TraceError(
            .invalid, path: path, at: "calls[\(index)].stretches", "there is no tap '\(name)'")
        }
        stretches[tap] = seconds
      }
      return stretches
    }
  }

  // Positions are counted within each stream: same chunk, branch and expert.
  private static func calls(_ metadata: ImportMetadata) -> [Call] {
    var counts: [[Int]: Int] = [:]
    return metadata.calls.enumerated().map { ordinal, entry in
      let stream = [entry.chunk ?? 0, entry.branch ?? 0, entry.expert ?? 0]
      defer { counts[stream, default: 0] += 1 }
      // Summed in the order of names, so that it does not depend on a dictionary's.
      let stretches = (entry.stretches ?? [:]).sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value }
      return Call(
        ordinal: ordinal, chunk: stream[0], branch: stream[1], expert: stream[2], stage: entry.stage ?? 0,
        step: entry.step, position: counts[stream, default: 0], timestep: entry.timestep, sigma: entry.sigma,
        guidance: entry.guidance ?? 1, weight: entry.weight, seconds: entry.seconds ?? stretches)
    }
  }

  private static func header(
    _ metadata: ImportMetadata, _ calls: [Call], _ recorder: String, _ path: String
  ) throws(TraceError) -> TraceHeader {
    func count(_ path: KeyPath<Call, Int>) -> Int {
      1 + min(max(calls.map { $0[keyPath: path] }.max() ?? 0, 0), TraceFormat.largestCount)
    }
    let conditions = try (metadata.conditions ?? []).map { condition throws(TraceError) in
      switch (condition.text, condition.numbers) {
      case (let text?, nil): Condition(condition.name, text)
      case (nil, let numbers?): Condition(condition.name, numbers)
      default:
        throw TraceError(
          .invalid, path: path, at: "conditions",
          "the condition '\(condition.name)' needs either a text or numbers")
      }
    }
    return TraceHeader(
      model: metadata.model, weightsDigest: metadata.weightsDigest ?? "", solver: metadata.solver,
      shift: metadata.shift ?? 1, stepCount: metadata.steps ?? count(\.step),
      chunkCount: metadata.chunks ?? count(\.chunk), branchCount: metadata.branches ?? count(\.branch),
      blockCount: metadata.blocks, sceneSeed: metadata.sceneSeed ?? 0, noiseSeed: metadata.noiseSeed ?? 0,
      blasThreadCount: metadata.blasThreadCount ?? 0, blasCore: metadata.blasCore ?? "", recorder: recorder,
      conditions: conditions)
  }

  // Without a wish, the smallest type that keeps every number exactly.
  private static func dtype(
    _ metadata: ImportMetadata, _ files: [Tap: ArrayFile], _ path: String
  ) throws(TraceError) -> StorageType {
    guard let name = metadata.dtype else {
      let elements = Set(files.values.map(\.element))
      return elements == [.float16] ? .float16 : elements == [.bfloat16] ? .bfloat16 : .float32
    }
    guard let dtype = StorageType(rawValue: name) else {
      let names = StorageType.allCases.map(\.rawValue).joined(separator: " or ")
      throw TraceError(.invalid, path: path, at: "dtype", "features are stored as \(names), not '\(name)'")
    }
    return dtype
  }
}
