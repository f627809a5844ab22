/// Plain timetables, as `schedule:file=…` reads them: which calls are computed, and in JSON how the others are
/// predicted.
enum ScheduleRuntime {
  static let json = Runtime(
    name: "json", summary: "the computed calls as JSON, for schedule:file=… and for programs of one's own",
    endings: ["json"], write: json, read: read)
  static let csv = Runtime(
    name: "csv", summary: "the same as a table of chunk, branch, position and computed", endings: ["csv"],
    write: csv, read: read)

  private static func json(_ request: RuntimeRequest) throws -> RuntimeFile {
    let timetable = try request.timetable(for: "json")
    func list(_ lane: [Bool]) -> JSONValue {
      .array(lane.indices.filter { lane[$0] }.map { .integer($0) })
    }
    func chunk(_ lanes: [[Bool]]) -> [(String, JSONValue)] {
      lanes.count == 1 ? [("computed", list(lanes[0]))] : [("branches", .array(lanes.map(list)))]
    }
    let (chunks, domains) = (timetable.computed, request.domains)
    let (settings, remark) = try prediction(of: request)
    let members =
      (settings.map { [("settings", PredictorChoice.json($0))] } ?? [])
      + (domains.count == 1 ? [("valid_for", domains[0].json)] : [])
    return RuntimeFile(
      JSONValue.object(
        members
          + (chunks.count == 1
            ? chunk(chunks[0])
            : [
              (
                "chunks",
                .array(
                  chunks.enumerated().map { place, lanes in
                    .object(chunk(lanes) + (domains.count > 1 ? [("valid_for", domains[place].json)] : []))
                  })
              )
            ])
      ).text, remarks: remark.map { [$0] } ?? [])
  }

  private static func csv(_ request: RuntimeRequest) throws -> RuntimeFile {
    let (settings, remark) = try prediction(of: request)
    let written = settings.map { settings in
      "csv says which calls are computed; replay it with "
        + PolicySpec(name: "schedule", settings: [.init("file", "…")] + settings).description
    }
    return RuntimeFile(
      table(try request.timetable(for: "csv")), remarks: [remark ?? written].compactMap { $0 })
  }

  // How the calls between are predicted and what is cached, as `schedule` takes it; or that this cannot be said.
  private static func prediction(
    of request: RuntimeRequest
  ) throws -> (settings: [PolicySpec.Setting]?, remark: String?) {
    // A policy that caches nothing predicts nothing.
    guard let site = try request.plan.policySite else { return (nil, nil) }
    let predictor = try request.plan.predictor()
    if let settings = predictor.flatMap({ PredictorChoice.settings($0, at: site) }) { return (settings, nil) }
    return (
      nil,
      "the file says which calls are computed, not how \(request.name) predicts the others at \(site); schedule:file=… "
        + "predicts by \(PredictorChoice.names.joined(separator: ", "))"
    )
  }

  private static func table(_ timetable: Timetable) -> String {
    var lines = ["chunk,branch,position,computed"]
    for (chunk, lanes) in timetable.computed.enumerated() {
      for (branch, lane) in lanes.enumerated() {
        lines += lane.enumerated().map { "\(chunk),\(branch),\($0.offset),\($0.element ? 1 : 0)" }
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    _ = try ScheduleFile.read(path)
    return PolicySpec(name: "schedule", settings: [.init("file", path)])
  }
}
