import Trace

/// Something about a setting, a trace or a calibration that a person should know before trusting a number.
public struct Finding: Hashable, Sendable {
  /// Short name of the rule that found it, such as `never-fires`.
  public var rule: String
  /// The policy as written, or the method of a calibration.
  public var policy: String
  /// The trace's path; empty where it is about all traces together.
  public var trace: String
  /// Where: calls, chunk, branch or expert, in words; empty where it is everywhere.
  public var place: String
  public var meaning: String
  /// What to do about it.
  public var remedy: String

  /// Numbers made for another recording.
  static let calibratedElsewhere = "calibrated-elsewhere"
  /// Numbers made for another number of calls.
  static let wrongStepCount = "wrong-step-count"
  /// What a calibration says where it is used elsewhere.
  static let elsewhereRules: Set = [calibratedElsewhere, wrongStepCount]

  /// What a policy says of its numbers where they are used elsewhere, in sentences.
  static func elsewhere(_ policy: any Policy, _ geometry: Geometry) -> [String] {
    policy.findings(on: geometry).filter { elsewhereRules.contains($0.rule) }.map(\.meaning)
  }

  public init(
    rule: String, policy: String, trace: String = "", place: String = "", meaning: String, remedy: String
  ) {
    self.rule = rule
    self.policy = policy
    self.trace = trace
    self.place = place
    self.meaning = meaning
    self.remedy = remedy
  }

  /// One row for each.
  public static func table(_ findings: [Finding]) -> Table {
    var table = Table(columns: [
      .init("rule", key: "rule"), .init("policy", key: "policy"), .init("trace", key: "trace"),
      .init("place", key: "place"), .init("meaning", key: "meaning"), .init("remedy", key: "remedy"),
    ])
    for finding in findings {
      table.append([
        .text(finding.rule), .text(finding.policy), .text(finding.trace), .text(finding.place),
        .text(finding.meaning), .text(finding.remedy),
      ])
    }
    return table
  }

  /// A few lines for people: rule and place, what it means, what to do.
  public var paragraph: String {
    let subject = [policy, trace, place].filter { !$0.isEmpty }.joined(separator: ", ")
    return "\(rule): \(subject)\n  \(meaning)\n  -> \(remedy)"
  }
}
