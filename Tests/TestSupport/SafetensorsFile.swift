public import Foundation

/// Writes small safetensors files, sound or damaged on purpose.
public enum SafetensorsFile {
  /// A sound file of F32 arrays in name order.
  public static func bytes(
    _ arrays: [String: (shape: [Int], values: [Float])], metadata: [String: String] = [:]
  ) -> Data {
    var header: [String: Any] = ["__metadata__": metadata]
    var data = Data()
    for (name, array) in arrays.sorted(by: { $0.key < $1.key }) {
      let start = data.count
      data.append(array.values.withUnsafeBytes { Data($0) })
      header[name] =
        ["dtype": "F32", "shape": array.shape, "data_offsets": [start, data.count]] as [String: Any]
    }
    let json = try? JSONSerialization.data(withJSONObject: header)
    return bytes(header: json ?? Data(), data: data)
  }

  /// A file with any header, however wrong.
  public static func bytes(header: String, data: Data = Data()) -> Data {
    bytes(header: Data(header.utf8), data: data)
  }

  /// Writes bytes to a new file of the temporary directory and returns its path.
  public static func write(_ bytes: Data) throws -> String {
    let name = "wctrace-\(UUID().uuidString).safetensors"
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    try bytes.write(to: url)
    return url.path
  }

  private static func bytes(header: Data, data: Data) -> Data {
    var length = UInt64(header.count).littleEndian
    return withUnsafeBytes(of: &length) { Data($0) } + header + data
  }
}
