import Trace

/// What a policy caches and looks at with its defaults, in words; the model has L blocks.
struct PolicyFacts {
  /// Names and values in the order shown.
  let lines: [(name: String, key: String, value: String)]

  /// Nil when the policy cannot be made without settings that only the user has.
  init?(_ entry: PolicyEntry) {
    guard case .ordinary(let make) = entry.kind,
      let values = try? ParameterValues(PolicySpec(name: entry.name), entry.parameters),
      let policy = try? make(values)
    else { return nil }
    guard let site = policy.site else {
      lines = [("caches", "caches", "nothing")]
      return
    }
    // A model so deep that no number of the policy's own is taken for its depth.
    let blockCount = 100_000
    func name(_ tap: Tap) -> String {
      tap.name.replacing("\(blockCount)", with: "L").replacing("\(blockCount - 1)", with: "(L-1)")
    }
    let isOpen = entry.parameters.contains { $0.kind == .site }
    var lines = [
      ("caches", "caches", PolicyFacts.quantity(site, blockCount, name) + (isOpen ? " (site)" : "")),
      ("decides at", "station", name(policy.station)),
      ("branches", "coupling", PolicyFacts.words(policy.coupling)),
    ]
    let quantities = policy.changes(blockCount: blockCount).map { request in
      (request.quantity.minus.map { "\(name(request.quantity.tap)) - \(name($0))" }
        ?? name(request.quantity.tap)) + (request.filter == nil ? "" : " (filtered)")
    }
    // A policy that looks at every block is told by the first ones and the last.
    let told =
      quantities.count > 8
      ? quantities.prefix(2).joined(separator: ", ") + " … " + quantities.last!
      : quantities.joined(separator: ", ")
    lines.append(("looks at", "signals", quantities.isEmpty ? "nothing but cached values" : told))
    if let (from, to) = site.stretch(blockCount: blockCount) {
      let last = from.map { max($0, policy.station) } ?? policy.station
      lines.append(("a skip runs", "runs_on_skip", "up to \(name(last)), and after \(name(to))"))
    }
    lines.append(("keeps", "cached_tensors", "\(policy.cachedTensorCount) of the site's tensors per branch"))
    self.lines = lines.map { (name: $0.0, key: $0.1, value: $0.2) }
  }

  private static func quantity(_ site: Site, _ blockCount: Int, _ name: (Tap) -> String) -> String {
    guard let (from, to) = site.stretch(blockCount: blockCount) else { return site.name }
    return site.name + ": " + (from.map { "\(name(to)) - \(name($0))" } ?? name(to))
  }

  private static func words(_ coupling: Coupling) -> String {
    switch coupling {
    case .pooled: "one decision, from all of them pooled"
    case .separate: "each decides for itself"
    case .either: "computed together when either wants to"
    case .lead: "one decision, from the first"
    }
  }
}
