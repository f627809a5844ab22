import Trace

/// What a program answers when it is asked about a call.
struct ProgramAnswer {
  let decision: Decision
  /// One combination for each group of tokens; empty when the call is to be computed.
  let combinations: [Combination]

  /// Reads a line; throws a ``PolicyError`` that quotes it.
  ///
  /// `computed` are the calls that may be combined; `groupCount` is nil when no groups were declared.
  init(_ line: String, to position: Int, computed: [Int], groupCount: Int?, context: String) throws {
    let name = "\(context) answers \(line.inQuotes)"
    let whole = Field(
      file: name, name: "", document: try JSONText.parse(line, of: name, isLine: true), isLine: true)
    let members = try whole.members(["position", "decision", "weights", "groups", "signal", "threshold"])
    let answered = try members.required("position", "the call that was asked about, \(position)")
    guard try answered.integer(in: 0...Int.max) == position else {
      throw answered.refused("the call that was asked about, \(position)")
    }
    let action = Decision.Action(
      rawValue: try members.required("decision", "one of compute, predict").choice(["compute", "predict"]))!
    let signal = try members["signal"].flatMap { $0.isNull ? nil : try $0.real() }
    let threshold = try members["threshold"].flatMap { $0.isNull ? nil : try $0.real() }
    decision = Decision(action, .external, signal: signal, threshold: threshold)

    let given = ["weights", "groups"].filter { members[$0] != nil }
    guard action == .predict else {
      if let key = given.first { throw members[key]!.fault("\(key) stands beside the decision compute") }
      combinations = []
      return
    }
    guard !computed.isEmpty else {
      throw whole.fault("call \(position) is the first of its stream; it must be computed")
    }
    guard given.count == 1 else {
      throw whole.fault("the decision predict needs exactly one of weights, groups")
    }
    if let weights = members["weights"] {
      combinations = [try ProgramAnswer.combination(weights, computed)]
      return
    }
    let groups = try members["groups"]!.items("a list of weights, one entry for each group")
    guard let groupCount else { throw members["groups"]!.fault("groups were not declared in its first line") }
    guard groups.count == groupCount else {
      throw members["groups"]!.fault("groups has \(groups.count) entries; \(groupCount) groups were declared")
    }
    guard computed.count >= 3 else {
      throw members["groups"]!.fault("groups need 3 computed calls; there are \(computed.count)")
    }
    combinations = try groups.map { try ProgramAnswer.combination($0, computed) }
  }

  private static func combination(_ field: Field, _ computed: [Int]) throws -> Combination {
    let weights = try field.entries()
    guard !weights.isEmpty else {
      throw field.fault("\(field.name) is empty; it takes computed calls with their weights")
    }
    return try weights.reduce(Combination()) { sum, entry in
      guard let position = Int(entry.key), computed.contains(position) else {
        throw entry.field.fault(
          "\(field.name) names '\(entry.key)', which is no computed call of this stream; computed are "
            + computed.map(String.init).joined(separator: ", "))
      }
      return sum + Combination(valueAt: position) * (try entry.field.real())
    }
  }
}
