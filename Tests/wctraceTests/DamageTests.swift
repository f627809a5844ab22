import Foundation
import Testing

/// Few of the mutants of `make damage-test`, each in a process that may die of it.
@Suite struct DamageTests {
  @Test("no damaged or crafted file is read silently, crashes or hangs the tool")
  func mutants() throws {
    let program = Tool.executable.deletingLastPathComponent().appending(path: "TraceDamage")
    let run = try Tool(["--every", "800", "--crafted", "10000", "--jobs", "1"], program)
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains(", 0 failures"))
  }
}
