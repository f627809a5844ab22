import Foundation

/// One tap of a trace as a NumPy file: (calls, rows, channels) in the trace's number type, bfloat16 as float32.
public enum TapExport {
  /// Writes the file and returns how many calls are absent, whose numbers are NaN; memory: one tensor.
  ///
  /// Throws `exists`, `lacking` when the tap was not recorded, `corrupt`, or `inputOutput`.
  public static func write(
    _ tap: Tap, of trace: TraceReader, to path: String, overwrite: Bool = false
  ) throws(TraceError) -> Int {
    try TraceAssembler.checkTarget(path, overwrite: overwrite)
    let layout = try trace.layout(of: tap)
    let count = layout.tokens.count * layout.channelCount
    let states = try trace.states(of: tap)
    do {
      let file = try NumPyFile(
        path: path, type: trace.dtype == .float16 ? "<f2" : "<f4",
        shape: [trace.calls.count, layout.tokens.count, layout.channelCount])
      for (call, state) in states.enumerated() {
        let values =
          state == .absent
          ? [Float](repeating: .nan, count: count) : try trace.feature(tap, call: call).values
        switch trace.dtype {
        case .float32, .bfloat16: try file.append(values.withUnsafeBytes { Data($0) })
        case .float16: try file.append(values.map { Float16($0) }.withUnsafeBytes { Data($0) })
        }
      }
      try file.finish()
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written: \(error.localizedDescription)")
    }
    return states.count { $0 == .absent }
  }
}
