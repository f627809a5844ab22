public import Trace

/// Why `direct` and `streak` are not defined for some replays (docs/metrics.md), gathered for one remark.
public struct UndefinedErrors: Sendable {
  private var sites: Set<String> = []
  private var traces: Set<String> = []

  public init() {}

  /// Takes in a replay over a trace.
  public mutating func add(_ replay: Replay, trace: String) {
    add(replay.site, hasFinal: replay.streams.allSatisfy { $0.finalSquaredNorm != nil }, trace: trace)
  }

  /// Takes in what was measured of a trace.
  public mutating func add(_ geometries: [Geometry], trace: String) {
    for geometry in geometries {
      add(geometry.site, hasFinal: !geometry.finalSquaredNorms.isEmpty, trace: trace)
    }
  }

  private mutating func add(_ site: Site, hasFinal: Bool, trace: String) {
    if !site.isIntegrated {
      sites.insert(site.name)
    } else if !hasFinal {
      traces.insert(trace)
    }
  }

  /// In one sentence; nil where they are defined everywhere.
  public var sentence: String? {
    var reasons: [String] = []
    if !sites.isEmpty {
      reasons.append(
        "at \(sites.count == 1 ? "the site" : "the sites") \(sites.sorted().joined(separator: ", ")), since what comes "
          + "of an error there passes through the rest of the network")
    }
    if let first = traces.min() {
      reasons.append(
        traces.count == 1
          ? "on \(first), which holds no final latent"
          : "on \(first) and \(traces.count - 1) more, which hold no final latent")
    }
    return reasons.isEmpty ? nil : "direct and streak are n/a " + reasons.joined(separator: ", and ")
  }
}
