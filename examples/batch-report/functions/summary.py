def summarise(event, context):
    readings = event["readings"]
    return {"id": event["id"], "mean": sum(readings) / len(readings), "max": max(readings)}


def render(event, context):
    lines = [f"Report of {event['day']}"]
    for row in event["rows"]:
        mark = " !" if row["max"] > event["limits"]["high"] else ""
        lines.append(f"{row['id']}: mean {row['mean']:.1f}, max {row['max']}{mark}")
    return {"report": lines, "failed": event["failed"]}


class NothingToReport(Exception):
    pass


def refuse(event, context):
    raise NothingToReport("no sensor answered on " + event["day"])
