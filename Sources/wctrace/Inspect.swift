import ArgumentParser
import Trace
import WorldCache

/// `wctrace inspect`: how the tokens of a trace move.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show curvature histograms and per-token maps of a trace.",
    discussion: """
      Curvature is WorldCache's: the norm of the acceleration over the squared norm of the velocity of a token's \
      output over the last three calls: high for slow or turning tokens, low for fast straight ones. The group boundaries are those that the given policy would draw over all \
      tokens at the same calls; over several calls their medians are shown.
      """)

  @OptionGroup var input: TraceInput
  @OptionGroup var chunk: ChunkOption

  @Option(
    parsing: .unconditional,
    help: "Only this call, counted within the chunk from 2; all calls together when left out.")
  var call: Int?

  @Option(help: "Only this modality, by name.")
  var modality: String?

  @Option(parsing: .unconditional, help: "Only this predicted frame, from 0.")
  var frame: Int?

  @Option(name: .shortAndLong, help: "The worldcache policy whose group boundaries are marked.")
  var policy = "worldcache"

  @Flag(
    help: "Draw a map of the tokens' log curvature over each frame instead of the histogram (needs --call).")
  var map = false

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    if map && call == nil { throw ValidationError("--map needs --call, the call to draw") }
  }

  mutating func run() throws {
    let plan = try PolicyRegistry.plan(policy)
    let groups = try CurvatureGroups(plan)
    let geometry = try chunk.pick(from: input.catalog().geometries(for: GeometryRequest(.output)))
    let report = try CurvatureReport(geometry)
    if let call, !(2..<geometry.callCount).contains(call) {
      throw Terminal.usage("--call is \(call); curvature exists at calls 2 to \(geometry.callCount - 1)")
    }
    let modalityIndex = try modality.map { name in
      guard let index = geometry.modalities.firstIndex(of: name) else {
        throw Terminal.usage(
          "there is no modality '\(name)'; the trace has \(geometry.modalities.joined(separator: ", "))")
      }
      return index
    }
    let frameCount = (geometry.tokens.map(\.frame).max() ?? 0) + 1
    if let frame, !(0..<frameCount).contains(frame) {
      throw Terminal.usage("--frame is \(frame); the trace has frames 0 to \(frameCount - 1)")
    }
    let selection = CurvatureReport.Selection(position: call, modality: modalityIndex, frame: frame)
    guard map, let call else {
      switch output.format {
      case .json: try Terminal.show(report.json(selection, groups).text)
      case .csv, .markdown: try Terminal.show(report.table(selection, groups).formatted(output.format))
      case .table: try Terminal.show(report.drawing(selection, groups))
      }
      return
    }
    switch output.format {
    case .table: try Terminal.show(report.maps(at: call, modality: modalityIndex, frame: frame))
    case .json, .csv, .markdown:
      try Terminal.show(
        report.tokenTable(at: call, modality: modalityIndex, frame: frame).formatted(output.format))
    }
  }
}
