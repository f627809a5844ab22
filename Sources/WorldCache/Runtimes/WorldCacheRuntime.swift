/// The environment variables that WorldCache's scripts for Voyager and Aether read (FofGofx/WorldCache f12d205).
///
/// A comment names the port: the variables are the same for both, what is fixed in their code is not.
enum WorldCacheRuntime {
  static let runtime = Runtime(
    name: "worldcache", summary: "environment variables of WorldCache's scripts, to be sourced by a shell",
    endings: ["env", "sh"], write: write, read: read)

  static let variables: [(key: String, name: String)] = [
    ("p-stable", "WORLDCACHE_PERCENTILE_STABLE"), ("p-chaotic", "WORLDCACHE_PERCENTILE_CHAOTIC"),
    ("n-max", "WORLDCACHE_N_MAX"), ("eta", "WORLDCACHE_ERROR_THRESHOLD"),
  ]
  private static let mode = "WORLDCACHE_MODE"
  private static let port = "# port: "

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    guard request.name == "worldcache" else {
      throw PolicyError("WorldCache's variables describe worldcache alone, not \(request.name)")
    }
    let variant = request["variant"] ?? "voyager"
    guard variant != "lingbot" else {
      throw PolicyError("the port of LingBot does not read these variables; voyager and aether do")
    }
    let target = "WorldCache's \(variant) script"
    // What the script does with these four settings and nothing else told.
    let plain = try PolicyRegistry.plan("worldcache:variant=\(variant)").spec
    let free = variables.map(\.key) + ["variant"]
    for setting in plain.settings where !free.contains(setting.key) {
      try request.require(setting.key, setting.value, for: target)
    }
    let lines = variables.map { "export \($0.name)=\(request[$0.key]!)\n" }
    return RuntimeFile("\(port)\(variant)\nexport \(mode)=worldcache\n" + lines.joined())
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    var settings: [PolicySpec.Setting] = []
    for (index, line) in try Document.text(of: path).split(whereSeparator: \.isNewline).enumerated() {
      let line = line.drop { $0 == " " }
      if line.hasPrefix(port) { settings.insert(.init("variant", String(line.dropFirst(port.count))), at: 0) }
      if line.hasPrefix("#") || line.isEmpty { continue }
      let text = line.hasPrefix("export ") ? line.dropFirst("export ".count) : line
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      let names = variables.map(\.name) + [mode]
      guard parts.count == 2, names.contains(name) else {
        throw PolicyError(
          "\(path), line \(index + 1): '\(line)' sets none of \(names.joined(separator: ", "))")
      }
      let value = parts[1].filter { $0 != "\"" && $0 != "'" }
      if name == mode {
        guard value == "worldcache" else {
          throw PolicyError(
            "\(path), line \(index + 1): \(mode) is \(value); only worldcache can be replayed")
        }
        continue
      }
      settings.append(.init(variables.first { $0.name == name }!.key, value))
    }
    return settings.isEmpty ? nil : PolicySpec(name: "worldcache", settings: settings)
  }
}
