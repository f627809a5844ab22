import Foundation

/// Makes a trace of arrays that other programs saved, one per tap, and a JSON file that describes them.
///
/// The JSON file is specified in `docs/import.md`. Every tap is fresh at every call.
public enum TraceImport {
  /// Writes the trace and returns its number of calls; memory: one tensor per tap.
  ///
  /// `announce` is told what it will take before anything is written, and a disk with less space is refused
  /// unless `checksSpace` is false. `progress` is told how many calls are done. Throws `missing`, `invalid`, `lacking`, `corrupt`,
  /// `exists`, `inUse` or `inputOutput`, with the file that is meant.
  public static func write(
    _ metadataPath: String, to path: String, recorder: String, overwrite: Bool = false,
    checksSpace: Bool = true, announce: (RecordingEstimate) -> Void = { _ in },
    progress: (Int) -> Void = { _ in }
  ) throws(TraceError) -> Int {
    let metadata = try ImportMetadata.read(metadataPath)
    let calls = calls(metadata)
    let header = header(metadata, calls, recorder)
    if let problem = TraceFormat.problem(with: header) {
      throw TraceError(.invalid, path: metadataPath, problem)
    }
    let layouts = try layouts(metadata, metadataPath)
    func open(_ source: ImportMetadata.Source, _ layout: TokenTable, _ entries: Int) throws(TraceError)
      -> ArrayFile
    {
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
    var taps: [Tap: String] = [:]
    var files: [Tap: ArrayFile] = [:]
    for (name, source) in metadata.taps.sorted(by: { $0.key < $1.key }) {
      guard let tap = Tap(name: name) else {
        throw TraceError(.invalid, path: metadataPath, at: "taps", "there is no tap '\(name)'")
      }
      guard let layout = layouts[source.layout ?? name] else {
        throw TraceError(
          .invalid, path: metadataPath, at: "taps.\(name)", "there is no layout '\(source.layout ?? name)'")
      }
      taps[tap] = layout.name
      files[tap] = try open(source, layout, calls.count)
    }
    let dtype = try dtype(metadata, files, metadataPath)
    let estimate = RecordingEstimate(
      calls: calls, layouts: Array(layouts.values), taps: taps, dtype: dtype,
      finalCount: metadata.final == nil ? 0 : header.chunkCount)
    announce(estimate)
    if checksSpace { try RecordingEstimate.requireSpace(estimate.diskByteCount, at: path) }
    let writer = try TraceWriter(
      path: path, header: header, layouts: layouts.values.sorted { $0.name < $1.name }, taps: taps,
      callCount: calls.count, dtype: dtype, overwrite: overwrite)
    var final: ArrayFile?
    if let source = metadata.final {
      guard let layout = writer.description.finalLayout else {
        throw TraceError(
          .invalid, path: metadataPath, at: "final", "final needs the tap output, guided or latent")
      }
      final = try open(source, layout, header.chunkCount)
    }
    for call in calls {
      var features: [Tap: Tensor] = [:]
      for (tap, file) in files { features[tap] = try tensor(file, call.ordinal) }
      try writer.append(call, features: features)
      progress(call.ordinal + 1)
    }
    if let final {
      for chunk in 0..<header.chunkCount { try writer.setFinal(chunk: chunk, try tensor(final, chunk)) }
    }
    try writer.finish()
    return calls.count
  }

  private static func tensor(_ file: ArrayFile, _ entry: Int) throws(TraceError) -> Tensor {
    Tensor(rows: file.shape[1], columns: file.shape[2], values: try file.values(at: entry))
  }

  // Positions are counted within each stream: same chunk, branch and expert.
  private static func calls(_ metadata: ImportMetadata) -> [Call] {
    var counts: [[Int]: Int] = [:]
    return metadata.calls.enumerated().map { ordinal, entry in
      let stream = [entry.chunk ?? 0, entry.branch ?? 0, entry.expert ?? 0]
      defer { counts[stream, default: 0] += 1 }
      return Call(
        ordinal: ordinal, chunk: stream[0], branch: stream[1], expert: stream[2], stage: entry.stage ?? 0,
        step: entry.step, position: counts[stream, default: 0], timestep: entry.timestep, sigma: entry.sigma,
        guidance: entry.guidance ?? 1, weight: entry.weight, seconds: entry.seconds ?? 0)
    }
  }

  private static func header(_ metadata: ImportMetadata, _ calls: [Call], _ recorder: String) -> TraceHeader {
    func count(_ path: KeyPath<Call, Int>) -> Int {
      1 + min(max(calls.map { $0[keyPath: path] }.max() ?? 0, 0), TraceFormat.largestCount)
    }
    return TraceHeader(
      model: metadata.model, weightsDigest: metadata.weightsDigest ?? "", solver: metadata.solver,
      shift: metadata.shift ?? 1, stepCount: count(\.step), chunkCount: count(\.chunk),
      branchCount: count(\.branch), blockCount: metadata.blocks, recorder: recorder)
  }

  private static func layouts(
    _ metadata: ImportMetadata, _ path: String
  ) throws(TraceError) -> [String: TokenTable] {
    var layouts: [String: TokenTable] = [:]
    for (name, layout) in metadata.layouts {
      let modalities = layout.modalities ?? [name]
      let most = 1 << 12
      guard layout.grid.count == 3, layout.grid.allSatisfy({ (1...most).contains($0) }),
        modalities.count <= most,
        layout.grid.reduce(1, *) <= TraceFormat.largestCount / max(1, modalities.count)
      else {
        throw TraceError(
          .invalid, path: path, at: "layouts.\(name)",
          "the grid must be [frames, rows, columns], each from 1 to \(most)")
      }
      let (rows, columns) = (layout.grid[1], layout.grid[2])
      let tokens = modalities.indices.flatMap { modality in
        (0..<layout.grid.reduce(1, *)).map {
          TokenTable.Token(
            modality: modality, frame: $0 / (rows * columns), row: $0 / columns % rows, column: $0 % columns,
            validChannels: layout.channels)
        }
      }
      layouts[name] = TokenTable(
        name: name, modalities: modalities, channelCount: layout.channels, tokens: tokens)
    }
    return layouts
  }

  // Without a wish, the smallest type that keeps every number exactly.
  private static func dtype(
    _ metadata: ImportMetadata, _ files: [Tap: ArrayFile], _ path: String
  ) throws(TraceError) -> StorageType {
    guard let name = metadata.dtype else {
      return files.values.allSatisfy { $0.element == .float16 } ? .float16 : .float32
    }
    guard let dtype = StorageType(rawValue: name) else {
      let names = StorageType.allCases.map(\.rawValue).joined(separator: " or ")
      throw TraceError(.invalid, path: path, at: "dtype", "features are stored as \(names), not '\(name)'")
    }
    return dtype
  }
}
