import Foundation

extension Safetensors {
  /// Writes named float32 arrays, in the order given, beside a map of strings.
  ///
  /// The file appears whole or not at all. Throws `inputOutput` when it cannot be written.
  public static func write(
    _ arrays: [(name: String, shape: [Int], values: [Float])], metadata: [String: String], to path: String
  ) throws(TraceError) {
    var header: [String: Any] = ["__metadata__": metadata]
    var offset = 0
    for array in arrays {
      precondition(array.values.count == array.shape.reduce(1, *), "a shape says how many values there are")
      let end = offset + 4 * array.values.count
      header[array.name] =
        ["dtype": "F32", "shape": array.shape, "data_offsets": [offset, end]] as [String: Any]
      offset = end
    }
    do {
      let json = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys])
      var length = UInt64(json.count).littleEndian
      var data = withUnsafeBytes(of: &length) { Data($0) } + json
      for array in arrays { array.values.withUnsafeBytes { data.append(contentsOf: $0) } }
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written: \(error.localizedDescription)")
    }
  }
}
