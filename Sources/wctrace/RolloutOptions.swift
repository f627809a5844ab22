import ArgumentParser
import Trace
import WorldModel

/// The options of a rollout, as every command that runs the model has them.
struct RolloutOptions: ParsableArguments {
  @Option(help: "Solver steps of a chunk.")
  var steps = 50

  @Option(help: "Shift of the noise schedule.")
  var shift = 3.0

  @Option(parsing: .unconditional, help: "Guidance scale; 1 runs one branch, any other value two.")
  var guidance = 1.0

  @Option(help: "Other weights of the same shape (.safetensors).")
  var weights: String?

  @Option(
    help:
      "Threads of the matrix library; features differ in their last bits with it (default: all cores; in 'live' 1)."
  )
  var threads: Int?

  mutating func validate() throws {
    guard (1...1000).contains(steps) else {
      throw ValidationError("--steps is \(steps); it must be from 1 to 1000")
    }
    guard (0.01...100).contains(shift) else {
      throw ValidationError("--shift is \(shift); it must be from 0.01 to 100")
    }
    guard guidance.isFinite, abs(guidance) <= 100 else {
      throw ValidationError("--guidance is \(guidance); it must be from -100 to 100")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be from 1 to 1024")
    }
  }

  /// The chosen weights, or the bundled ones; also sets the threads of the matrix library.
  func prepareModel() throws -> Weights {
    BLAS.threadCount = threads ?? Cores.count
    Terminal.remarkOnKernel()
    return try weights.map { try Weights(path: $0) } ?? Weights.bundled()
  }
}
