import Foundation
import Testing

/// Few of the mutants and faults of `make damage-test` and `make crash-test`, in processes that may die of them.
@Suite struct DamageTests {
  private static let program = Tool.executable.deletingLastPathComponent().appending(path: "TraceDamage")

  @Test("no damaged or crafted file is read silently, crashes or hangs the tool")
  func mutants() throws {
    let run = try Tool(["--every", "800", "--crafted", "10000", "--jobs", "1"], Self.program)
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains(", 0 failures"))
  }

  @Test(
    "whatever call of the recorder fails or is its last, what was acknowledged is there, and errors are errors"
  )
  func faults() throws {
    let run = try Tool(["faults", "--every", "40"], Self.program)
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains("\n0 failures"))
  }
}
