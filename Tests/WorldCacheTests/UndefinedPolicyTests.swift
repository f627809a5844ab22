import Testing

@testable import WorldCache

@Suite("Methods without a replay")
struct UndefinedPoliciesTests {
  @Test("are refused with the reason", arguments: UndefinedPolicy.all.map(\.name))
  func refused(name: String) throws {
    let policy = UndefinedPolicy.all.first { $0.name == name }!
    expectPolicyError("'\(name)' is not defined on a trace: \(policy.reason)") {
      _ = try PolicyRegistry.plan(name)
    }
  }

  @Test("have names of their own and say where they come from")
  func names() {
    let names = UndefinedPolicy.all.map(\.name) + PolicyRegistry.entries.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(
      UndefinedPolicy.all.allSatisfy { !$0.summary.isEmpty && !$0.source.isEmpty && !$0.reason.isEmpty })
  }

  @Test("are pages of the list of policies")
  func page() {
    #expect(
      PolicyTable.page(UndefinedPolicy.all[0]).hasPrefix(
        "delta-dit: Reuses the residual of the back or the front blocks (Delta-DiT).\n  undefined: "
      ))
  }
}
