import Trace

/// Which calls a method computes by rule at the start and the end of a stream.
struct ForcedCalls: Sendable {
  enum Rule: String, CaseIterable, Sendable {
    /// The first and the last call.
    case ends
    /// The first call.
    case first
    /// So many model evaluations at the start and at the end, those of all guidance branches counted.
    case calls
    /// A share of the calls at the start.
    case share
  }

  static func parameters(_ rules: [Rule], by defaults: [String: Parameter.OtherDefaults] = [:]) -> [Parameter]
  {
    let meanings: [Rule: String] = [
      .ends: "ends forces the first and the last", .first: "first only the first",
      .calls: "calls so many evaluations, those of all branches counted",
      .share: "share a share at the start",
    ]
    var parameters = [
      Parameter(
        "forced", .choice(rules.map(\.rawValue)), default: rules[0].rawValue, by: defaults["forced"],
        "calls computed by rule: " + rules.map { meanings[$0]! }.joined(separator: ", ")),
      Parameter(
        "first-calls", .integer(0...1_000_000), default: "2", by: defaults["first-calls"],
        "evaluations computed at the start", when: .init(key: "forced", choices: [Rule.calls.rawValue])),
      Parameter(
        "last-calls", .integer(0...1_000_000), default: "2", by: defaults["last-calls"],
        "evaluations computed at the end", when: .init(key: "forced", choices: [Rule.calls.rawValue])),
    ]
    if rules.contains(.share) {
      parameters.append(
        Parameter(
          "first-share", .real(0...1), default: "0.1", "share of the calls that is computed at the start",
          when: .init(key: "forced", choices: [Rule.share.rawValue])))
    }
    return parameters
  }

  let rule: Rule
  private let firstCalls: Int
  private let lastCalls: Int
  private let firstShare: Double

  init(_ values: ParameterValues) {
    rule = Rule(rawValue: values.choice("forced"))!
    firstCalls = rule == .calls ? values.integer("first-calls") : 0
    lastCalls = rule == .calls ? values.integer("last-calls") : 0
    firstShare = rule == .share ? values.real("first-share") : 0
  }

  /// Why a position is computed by rule; nil when it is not. The first call of a stream always is.
  func reason(at position: Int, in stream: CallStream) -> Decision.Reason? {
    let index = stream.index(of: position)
    let call = index * stream.branchCount + stream.branch
    switch rule {
    case _ where index == 0: return .warmUp
    case .first: return nil
    case .ends: return stream.isLastCall(position) ? .lastCall : nil
    case .calls:
      if call < firstCalls { return .warmUp }
      return stream.isLast && call >= stream.count * stream.branchCount - lastCalls ? .lastCall : nil
    case .share: return Double(index) < Double(stream.count) * firstShare ? .warmUp : nil
    }
  }
}
