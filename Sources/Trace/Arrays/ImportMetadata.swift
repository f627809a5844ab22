import Foundation

/// What a person says about arrays that become a trace: the JSON file of `docs/import.md`.
struct ImportMetadata: Codable {
  struct Entry: Codable {
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
    /// Seconds from the tap before, by name of the tap.
    var stretches: [String: Double]?
  }

  struct Layout: Codable {
    var channels: Int
    /// Frames, rows, columns of one modality's tokens.
    var grid: [Int]?
    var modalities: [String]?
    /// For each modality of a grid, how many leading channels carry a value.
    var validChannels: [Int]?
    /// Each token by itself, in place of a grid.
    var tokens: Tokens?

    fileprivate enum CodingKeys: String, CodingKey, CaseIterable {
      case channels, grid, modalities, tokens
      case validChannels = "valid_channels"
    }
  }

  /// One number per token.
  struct Tokens: Codable {
    var modality: [Int]
    var frame: [Int]
    var row: [Int]
    var column: [Int]
    var validChannels: [Int]?
    var valid: [Bool]?

    fileprivate enum CodingKeys: String, CodingKey, CaseIterable {
      case modality, frame, row, column, valid
      case validChannels = "valid_channels"
    }
  }

  struct Source: Codable {
    var file: String
    var array: String?
    var layout: String?
    /// How each call's feature came about, by name of the state; all are fresh when left out.
    var states: [String]?
  }

  struct Condition: Codable {
    var name: String
    var text: String?
    var numbers: [Double]?
  }

  var model: String
  var solver: String
  var blocks: Int
  var shift: Double?
  var weightsDigest: String?
  var dtype: String?
  var steps: Int?
  var chunks: Int?
  var branches: Int?
  var sceneSeed: Int?
  var noiseSeed: Int?
  var blasThreadCount: Int?
  var blasCore: String?
  var conditions: [Condition]?
  var calls: [Entry]
  var layouts: [String: Layout]
  var taps: [String: Source]
  var final: Source?

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case model, solver, blocks, shift, dtype, steps, chunks, branches, conditions, calls, layouts, taps, final
    case weightsDigest = "weights_digest"
    case sceneSeed = "scene_seed"
    case noiseSeed = "noise_seed"
    case blasThreadCount = "blas_thread_count"
    case blasCore = "blas_core"
  }

  private static let callKeys = [
    "step", "timestep", "sigma", "weight", "chunk", "branch", "expert", "stage", "guidance", "seconds",
    "stretches",
  ]
  private static let finalKeys = ["file", "array"]
  private static let sourceKeys = finalKeys + ["layout", "states"]
  private static let conditionKeys = ["name", "text", "numbers"]

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

  /// The file's bytes; throws `invalid` for numbers that JSON does not have.
  func bytes(path: String) throws(TraceError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(self) + Data("\n".utf8)
    } catch {
      throw TraceError(.invalid, path: path, "a call or condition has a number that JSON cannot hold")
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
    try check(root["final"], finalKeys, "final")
    for (index, call) in (root["calls"] as? [Any] ?? []).enumerated() {
      try check(call, callKeys, "calls[\(index)]")
    }
    for (index, condition) in (root["conditions"] as? [Any] ?? []).enumerated() {
      try check(condition, conditionKeys, "conditions[\(index)]")
    }
    for (name, layout) in root["layouts"] as? [String: Any] ?? [:] {
      try check(layout, Layout.CodingKeys.allCases.map(\.rawValue), "layouts.\(name)")
      try check(
        (layout as? [String: Any])?["tokens"], Tokens.CodingKeys.allCases.map(\.rawValue),
        "layouts.\(name).tokens")
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
