import Foundation

/// A whole trace as NumPy files and the JSON file that makes a trace of them again.
///
/// One `.npy` for each tap, as ``TapExport`` writes it, `final.npy`, and `meta.json` (`docs/import.md`). What is not
/// in there: the recorder's name, how many calls were planned, and the bounds of lossy storage, whose
/// rounded numbers are exact to an importer.
public enum TraceExport {
  /// The name of the JSON file.
  public static let metadataName = "meta.json"

  /// Bytes that the arrays take.
  public static func byteCount(of trace: TraceReader) throws(TraceError) -> Int {
    var total = 0
    for tap in trace.taps {
      let layout = try trace.layout(of: tap)
      total +=
        trace.calls.count * layout.tokens.count * layout.channelCount * (trace.dtype == .float16 ? 2 : 4)
    }
    return total
  }

  /// Writes the folder, which must not exist; nothing has its name until all is written.
  ///
  /// `progress` is told how many taps are done. Throws `exists`, `corrupt`, or `inputOutput`.
  public static func write(
    _ trace: TraceReader, to folder: String, progress: (Int) -> Void = { _ in }
  ) throws(TraceError) {
    guard FileSystem.kind(of: folder) == .nothing else {
      throw TraceError(
        .exists, path: folder, "a whole trace needs a new folder; choose another name, or one --tap")
    }
    let partial = folder + TraceFormat.unfinishedSuffix
    guard FileSystem.kind(of: partial) == .nothing else {
      throw TraceError(
        .exists, path: partial, "an earlier export was interrupted here, or one is running; remove this first"
      )
    }
    try FileSystem.makeFolder(partial)
    do throws(TraceError) {
      for (place, tap) in trace.taps.enumerated() {
        _ = try TapExport.write(tap, of: trace, to: "\(partial)/\(tap).npy")
        progress(place + 1)
      }
      if trace.finalLatents != nil { try writeFinal(of: trace, to: partial + "/final.npy") }
      let path = "\(partial)/\(metadataName)"
      let bytes = try metadata(of: trace).bytes(path: trace.path)
      guard FileManager.default.createFile(atPath: path, contents: bytes) else {
        throw TraceError(.inputOutput, path: path, "the file cannot be written")
      }
      try FileSystem.move(partial, to: folder)
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
  }

  private static func writeFinal(of trace: TraceReader, to path: String) throws(TraceError) {
    do {
      let first = try trace.final(chunk: 0)
      let file = try NumPyFile(
        path: path, type: "<f4", shape: [trace.header.chunkCount, first.rows, first.columns])
      for chunk in 0..<trace.header.chunkCount {
        try file.append(try trace.final(chunk: chunk).values.withUnsafeBytes { Data($0) })
      }
      try file.finish()
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written: \(error.localizedDescription)")
    }
  }

  private static func metadata(of trace: TraceReader) throws(TraceError) -> ImportMetadata {
    let header = trace.header
    var stretches: [[String: Double]] = trace.calls.map { _ in [:] }
    for tap in Tap.line(blockCount: header.blockCount) {
      for (call, seconds) in try trace.stretchSeconds(of: tap).enumerated() where seconds != 0 {
        stretches[call][tap.name] = seconds
      }
    }
    let calls = trace.calls.map {
      ImportMetadata.Entry(
        step: $0.step, timestep: $0.timestep, sigma: $0.sigma, weight: $0.weight, chunk: $0.chunk,
        branch: $0.branch, expert: $0.expert, stage: $0.stage, guidance: $0.guidance, seconds: $0.seconds,
        stretches: stretches[$0.ordinal])
    }
    var layouts: [String: ImportMetadata.Layout] = [:]
    var taps: [String: ImportMetadata.Source] = [:]
    for tap in trace.taps {
      let layout = try trace.layout(of: tap)
      layouts[layout.name] = ImportMetadata.Layout(layout)
      taps[tap.name] = ImportMetadata.Source(
        file: "\(tap).npy", layout: layout.name, states: try trace.states(of: tap).map(\.name))
    }
    let conditions = header.conditions.map { condition in
      switch condition.value {
      case .text(let text): ImportMetadata.Condition(name: condition.name, text: text)
      case .numbers(let numbers): ImportMetadata.Condition(name: condition.name, numbers: numbers)
      }
    }
    return ImportMetadata(
      model: header.model, solver: header.solver, blocks: header.blockCount, shift: header.shift,
      weightsDigest: header.weightsDigest, dtype: trace.dtype.rawValue, steps: header.stepCount,
      chunks: header.chunkCount, branches: header.branchCount, sceneSeed: header.sceneSeed,
      noiseSeed: header.noiseSeed, blasThreadCount: header.blasThreadCount, blasCore: header.blasCore,
      conditions: conditions.isEmpty ? nil : conditions, calls: calls, layouts: layouts, taps: taps,
      final: trace.finalLatents == nil ? nil : ImportMetadata.Source(file: "final.npy"))
  }
}
