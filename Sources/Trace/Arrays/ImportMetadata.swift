import Foundation

/// What a person says about arrays that become a trace: the JSON file of `docs/import.md`.
struct ImportMetadata: Decodable {
  struct Entry: Decodable {
    var step: Int
    var timestep: Double
    var sigma: Double
    var weight: Double
    var chunk: Int?
    var branch: Int?
    var expert: Int?
    var stage: Int?
    var guidance: Double?
    var seconds: Double?
  }

  struct Layout: Decodable {
    var channels: Int
    /// Frames, rows, columns of one modality's tokens.
    var grid: [Int]
    var modalities: [String]?
  }

  struct Source: Decodable {
    var file: String
    var array: String?
    var layout: String?
  }

  var model: String
  var solver: String
  var blocks: Int
  var shift: Double?
  var weightsDigest: String?
  var dtype: String?
  var calls: [Entry]
  var layouts: [String: Layout]
  var taps: [String: Source]
  var final: Source?

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case model, solver, blocks, shift, dtype, calls, layouts, taps, final
    case weightsDigest = "weights_digest"
  }

  private static let callKeys = [
    "step", "timestep", "sigma", "weight", "chunk", "branch", "expert", "stage", "guidance", "seconds",
  ]
  private static let layoutKeys = ["channels", "grid", "modalities"]
  private static let sourceKeys = ["file", "array", "layout"]

  /// Reads the file; throws `missing`, or `invalid` with the place and what is wrong there.
  static func read(_ path: String) throws(TraceError) -> ImportMetadata {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw TraceError(.missing, path: path, "there is no such file, or it cannot be read")
    }
    do {
      let metadata = try JSONDecoder().decode(ImportMetadata.self, from: bytes)
      try requireKnownKeys(JSONSerialization.jsonObject(with: bytes), path)
      return metadata
    } catch let error as TraceError {
      throw error
    } catch let error as DecodingError {
      throw TraceError(.invalid, path: path, at: place(of: error).0, place(of: error).1)
    } catch {
      throw TraceError(.invalid, path: path, "this is not a JSON file: \(error.localizedDescription)")
    }
  }

  // A misspelt key must not be taken for a missing one.
  private static func requireKnownKeys(_ object: Any, _ path: String) throws(TraceError) {
    func check(_ value: Any?, _ allowed: [String], _ place: String) throws(TraceError) {
      let names = (value as? [String: Any] ?? [:]).keys.sorted()
      guard let unknown = names.first(where: { !allowed.contains($0) }) else { return }
      throw TraceError(
        .invalid, path: path, at: place,
        "'\(unknown)' means nothing here; there are \(allowed.joined(separator: ", "))")
    }
    let root = object as? [String: Any] ?? [:]
    try check(root, CodingKeys.allCases.map(\.rawValue), "")
    try check(root["final"], sourceKeys, "final")
    for (index, call) in (root["calls"] as? [Any] ?? []).enumerated() {
      try check(call, callKeys, "calls[\(index)]")
    }
    for (name, layout) in root["layouts"] as? [String: Any] ?? [:] {
      try check(layout, layoutKeys, "layouts.\(name)")
    }
    for (name, tap) in root["taps"] as? [String: Any] ?? [:] { try check(tap, sourceKeys, "taps.\(name)") }
  }

  private static func place(of error: DecodingError) -> (String, String) {
    func join(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
    return switch error {
    case .keyNotFound(let key, let context): (join(context.codingPath), "'\(key.stringValue)' is missing")
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      (join(context.codingPath), "the value has the wrong type")
    case .dataCorrupted(let context): (join(context.codingPath), "this is not JSON, or a number is too large")
    @unknown default: ("", "the file cannot be understood")
    }
  }
}
