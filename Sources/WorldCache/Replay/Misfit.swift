import Trace

/// A policy that cannot run on a trace: it is too short, lacks a tap, or is not what the policy's numbers hold for.
public struct Misfit: Sendable {
  public let policy: PolicySpec
  /// The trace's name.
  public let trace: String
  /// What was thrown.
  public let error: any Error

  /// Nil for an error that is about more than this policy, such as a damaged file.
  public init?(_ error: any Error, _ policy: PolicySpec, on trace: String) {
    switch error {
    case is PolicyError: break
    case let error as TraceError where error.code == .lacking || error.code == .missing: break
    default: return nil
    }
    self.error = error
    self.policy = policy
    self.trace = trace
  }

  /// Why, without the names of policy and trace.
  public var reason: String {
    if let error = error as? TraceError {
      return error.location.isEmpty ? error.message : "at \(error.location): \(error.message)"
    }
    // Policies name themselves first, in a search with a value of what was left open.
    let text = "\(error)"
    if let own = ["\(policy) ", "\(policy): "].first(where: text.hasPrefix) {
      return String(text.dropFirst(own.count))
    }
    let words = text.split(separator: " ", maxSplits: 1)
    guard words.count == 2, words[0].hasPrefix("\(policy.name):"), !words[0].contains("\"") else {
      return text
    }
    return String(words[1])
  }

  /// Throws the first one's error where all of `count` replays or searches are misfits: then nothing is lost by it.
  public static func check(_ misfits: [Misfit], of count: Int, traceCount: Int) throws {
    if let first = misfits.first, misfits.count == count { throw first.named(among: traceCount) }
  }

  /// The error as it stands alone; where there are several traces, one about a policy says which one it was.
  func named(among traceCount: Int) -> any Error {
    guard traceCount > 1, let error = error as? PolicyError else { return error }
    return PolicyError("\(trace): \(error)")
  }

  /// One sentence for each reason, with the policies and traces that it holds for, in the order found.
  public static func sentences(_ misfits: [Misfit]) -> [String] {
    struct Place: Hashable {
      var reason: String
      var names: [String]
    }
    func grouped(_ pairs: [(reason: String, key: [String], name: String)]) -> [(Place, [String])] {
      var order: [Place] = []
      var names: [Place: [String]] = [:]
      for pair in pairs {
        let place = Place(reason: pair.reason, names: pair.key)
        if names[place] == nil { order.append(place) }
        names[place, default: []].append(pair.name)
      }
      return order.map { ($0, names[$0]!) }
    }
    let byTrace = grouped(misfits.map { ($0.reason, [$0.trace], $0.policy.description) })
    return grouped(byTrace.map { ($0.0.reason, $0.1, $0.0.names[0]) }).map { place, traces in
      "\(list(place.names)) cannot run on \(list(traces)): \(place.reason)"
    }
  }

  /// Names joined by commas, of many the first two and how many more.
  static func list(_ names: [String]) -> String {
    guard names.count > 3 else { return names.joined(separator: ", ") }
    return names.prefix(2).joined(separator: ", ") + " and \(names.count - 2) more"
  }
}

extension Misfit {
  /// The same as JSON.
  var json: JSONValue {
    .object([
      ("policy", .string(policy.description)), ("trace", .string(trace)), ("reason", .string(reason)),
    ])
  }
}
