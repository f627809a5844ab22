import Trace

/// What a program says of itself in its first line (docs/external-policy.md).
struct ProgramDeclaration: Sendable {
  static let version = 1

  let site: Site
  let station: Tap
  let coupling: Coupling
  /// In the order written.
  let signals: [(name: String, signal: RuleSignal)]
  let parameters: [Parameter]
  /// How tokens are put into groups, for programs that predict each group its own way.
  let grouping: TokenGrouping?
  /// Cached tensors that it combines at most.
  let tensorCount: Int

  init(_ line: String, of program: String) throws {
    let whole = Field(
      file: "\(program) declares \(line.inQuotes)", name: "",
      document: try JSONText.parse(line, of: "\(program) declares \(line.inQuotes)", isLine: true),
      isLine: true)
    let members = try whole.members([
      "protocol", "name", "site", "station", "coupling", "parameters", "signals", "groups", "tensors",
    ])
    let version = try members.required(
      "protocol", "the version of this protocol, \(ProgramDeclaration.version)")
    guard try version.integer(in: 1...Int.max) == ProgramDeclaration.version else {
      throw version.refused("\(ProgramDeclaration.version), the version that this tool speaks")
    }
    _ = try members["name"]?.text()
    site = try members.required("site", Parameter.site().allowed).site()
    coupling = try members["coupling"]?.coupling() ?? .pooled
    tensorCount = try members["tensors"]?.integer(in: 1...1_000_000) ?? 1
    signals =
      try members["signals"]?.entries().map { name, field in
        let signal = try RuleSignal(field)
        if case .trajectory(let trajectory) = signal, trajectory.measure == .drift {
          throw field.fault(
            "\(field.name) asks for drift, which needs a predictor; a program has none of ours")
        }
        return (name, signal)
      } ?? []
    parameters =
      try members["parameters"]?.entries().map { key, field in
        guard Parameter.isName(key), !["command", "time-limit"].contains(key) else {
          throw field.fault(
            "'\(key)' cannot be a parameter's name; it takes small letters, digits and -, but not command or time-limit"
          )
        }
        return Parameter(
          key, .scalar, default: ParameterValues.scalar(try field.text("a number or a word")),
          "a setting of the program's own")
      } ?? []
    grouping = try members["groups"].map {
      try RulePredictor.grouping($0.members(["by", "quantiles"]))
    }
    let earliest = signals.map(\.signal.station).max() ?? .latent
    station = try members["station"]?.tap() ?? earliest
    guard station >= earliest else {
      throw members["station"]!.fault(
        "station is \(station), but its signals are known only from \(earliest) on")
    }
  }
}

extension String {
  /// In quotes, cut where it is long.
  var inQuotes: String { "'\(prefix(120))\(count > 120 ? "…" : "")'" }
}
