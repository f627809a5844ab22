import Trace

/// Computes the calls that a file names.
enum SchedulePolicy {
  static let entry = PolicyEntry(
    name: "schedule", summary: "Computes the calls that a file names (an explicit mask).",
    source: "Your file: computed positions, a 0/1 list, cache-dit's steps_computation_mask or bins "
      + "(vipshop/cache-dit f86744a), or CSV; docs/adding-a-policy.md.",
    parameters: parameters
  ) { spec in
    let path = try ParameterValues.text("file", in: spec, among: parameters)
    let file = try ScheduleFile.read(path)
    return PolicyEntry.Loaded(
      parameters: try parameters(of: file),
      writtenOut: file.domains.isEmpty
        ? nil
        : .init(source: path, domains: file.domains) { $0.spec.with([.init("elsewhere", "allow")]) }
    ) { values in
      FixedSchedule(
        spec: values.spec, site: values.site("site"), predictor: try PredictorChoice.predictor(values),
        calls: file.calls, source: path,
        uses: file.domains.map { domain in
          ValidityUse(
            subject: "the schedule \(path)", domain: domain, refused: ValidityUse.otherCalls,
            remedy: "search anew", isAllowedElsewhere: values.choice("elsewhere") == "allow")
        })
    }
  }

  // What the file says is what holds when a specification does not say otherwise.
  private static func parameters(of file: ScheduleFile) throws -> [Parameter] {
    var parameters = parameters
    for (key, field) in file.settings {
      let known = parameters.map(\.key).filter { $0 != "file" }
      guard known.contains(key), let place = parameters.firstIndex(where: { $0.key == key }) else {
        throw field.fault(
          "the policy 'schedule' has no setting '\(key)'\(Spelling.hint(for: key, in: known)); it has "
            + known.joined(separator: ", "))
      }
      parameters[place].defaultValue = try field.text()
    }
    return parameters
  }

  private static let parameters =
    [
      Parameter(
        "file", .text("the name of a .json, .yaml or .csv file"), default: nil, "which calls are computed")
    ]
    + PredictorChoice.parameters + [
      .site(),
      ValidityUse.parameter("number of guidance branches or other noise levels than the file says"),
    ]
}
