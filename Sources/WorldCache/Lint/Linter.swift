public import Trace

/// Finds what makes a policy's setting on a trace do nothing, do everything, or rest on numbers that mean
/// nothing there.
///
/// Rules are general (``DecisionRules``, ``SignalRules``) or the policy's own (``Policy/findings(on:)``).
public enum Linter {
  /// What has to be measured for a policy's findings: what it asks for, and where it is known how finely numbers
  /// are stored what tells their rounding.
  static func request(
    _ plan: PolicyPlan, blockCount: Int, _ precision: StoredPrecision?
  ) throws -> GeometryRequest {
    var request = try plan.request(blockCount: blockCount) ?? GeometryRequest(.output)
    if precision != nil { request.changes.formUnion(request.changes.flatMap(SignalRules.parts)) }
    return request
  }

  /// What stands out of one policy on one trace; that taps it needs were not recorded is a finding too.
  public static func findings(
    _ plan: PolicyPlan, in catalog: GeometryCatalog, precision: StoredPrecision? = nil
  ) throws -> [Finding] {
    let geometries: [Geometry]
    do {
      geometries = try catalog.geometries(
        for: request(plan, blockCount: catalog.blockCount, precision))
    } catch let error as TraceError where error.code == .lacking || error.code == .missing {
      return [located(doesNotRun(error.message, at: error.location), plan, catalog.path, "")]
    }
    return try findings(plan, over: geometries, trace: catalog.path, precision: precision)
  }

  /// What stands out of one policy on one trace; `geometries` are those that it asks for.
  ///
  /// A policy that refuses the trace is a finding too.
  public static func findings(
    _ plan: PolicyPlan, over geometries: [Geometry], trace: String, precision: StoredPrecision? = nil
  ) throws -> [Finding] {
    var found: [Finding] = []
    do {
      try plan.checkChunkCount(geometries.count)
      for (place, geometry) in geometries.enumerated() {
        let chunk = geometries.count > 1 ? "chunk \(geometry.chunk)" : ""
        // A policy that will not run can still say why.
        let policy: any Policy
        switch plan.entry.kind {
        case .ordinary(let make): policy = try make(plan.values)
        case .oracle(_, _, _, let make): policy = try make(plan.values, geometry, place)
        }
        let own = policy.findings(on: geometry) + SignalRules.findings(policy, geometry, precision)
        found += own.map { located($0, plan, trace, chunk) }
      }
      found += DecisionRules.findings(try Replay(plan, over: geometries, figures: [])).map {
        located($0, plan, trace, "")
      }
    } catch let error as PolicyError {
      // What a policy has said itself need not be said twice.
      if !found.contains(where: { Finding.elsewhereRules.contains($0.rule) }) {
        found.append(located(doesNotRun(error.description), plan, trace, ""))
      }
    }
    return found
  }

  private static func doesNotRun(_ meaning: String, at place: String = "") -> Finding {
    Finding(
      rule: "does-not-run", policy: "", place: place, meaning: meaning,
      remedy: "change the setting, or leave this trace out")
  }

  private static func located(_ finding: Finding, _ plan: PolicyPlan, _ trace: String, _ chunk: String)
    -> Finding
  {
    var finding = finding
    finding.policy = plan.spec.description
    finding.trace = trace
    finding.place = [chunk, finding.place].filter { !$0.isEmpty }.joined(separator: ", ")
    return finding
  }

  /// Traces that count twice: the same recording, or the same rollout recorded again.
  public static func duplicates(_ traces: [(path: String, digest: String?, header: TraceHeader?)])
    -> [Finding]
  {
    var found: [Finding] = []
    for (place, trace) in traces.enumerated() {
      let earlier = traces[..<place]
      if let digest = trace.digest, let twin = earlier.first(where: { $0.digest == digest }) {
        found.append(
          Finding(
            rule: "duplicated-trace", policy: "", trace: trace.path,
            meaning: "this is the same recording as \(twin.path): means over traces count it twice",
            remedy: "leave one of the two out"))
      } else if let header = trace.header,
        let twin = earlier.first(where: { $0.header.map { $0.isSameRollout(as: header) } ?? false })
      {
        found.append(
          Finding(
            rule: "duplicated-scene", policy: "", trace: trace.path,
            meaning:
              "this is the same rollout as \(twin.path) (model, scene, noise, steps and conditions): it adds "
              + "no scene",
            remedy: "leave one of the two out, or compare them with 'wctrace headroom --repeat'"))
      }
    }
    return found
  }

  /// Calls as people list them, the first few.
  static func calls(_ positions: [Int]) -> String {
    guard positions.count > 1 else { return positions.first.map { "call \($0)" } ?? "" }
    return "calls " + positions.prefix(8).map(String.init).joined(separator: ", ")
      + (positions.count > 8 ? ", … (\(positions.count) in all)" : "")
  }
}
