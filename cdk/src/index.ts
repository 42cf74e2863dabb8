import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stack, Tags, Token } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import * as notifications from "aws-cdk-lib/aws-s3-notifications";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { ImgmillSettings, parameters } from "./settings";

export { ImgmillSettings } from "./settings";

export interface ImgmillProps extends ImgmillSettings {
  /** The deployment's name. Function, queues and alarms are named imgmill-NAME. */
  readonly name: string;
  /** The path of the function's zip, which imgmill package writes. */
  readonly zip: string;
  /** The bucket that pictures are uploaded to: the name of a new one, or one that is there. */
  readonly sourceBucket: string | s3.IBucket;
  /** The bucket that variants are written to: the name of a new one, or one that is there. It must not be the source bucket. */
  readonly targetBucket: string | s3.IBucket;
  /**
   * Suffixes of the keys that notify the function. S3 distinguishes upper and lower case.
   * @default - every object notifies it, and it ignores what is not a picture
   */
  readonly suffixes?: string[];
  /** The start of the keys that notify the function, as S3 stores it in a notification: with + for a space. */
  readonly prefix?: string;
}

/** Pictures uploaded to one bucket appear in another in every size that the recipe in the zip names. */
export class Imgmill extends Construct {
  readonly sourceBucket: s3.IBucket;
  readonly targetBucket: s3.IBucket;
  readonly function: lambda.IFunction;
  /** The role that the function runs in. */
  readonly role: iam.IRole;
  /** The queue of failed events. */
  readonly failureQueue: sqs.IQueue;
  /** The queue of pending events, if the trigger is a queue. */
  readonly workQueue?: sqs.IQueue;
  readonly alarms: cloudwatch.IAlarm[];
  /** All resources, by the logical IDs of imgmill's CloudFormation template: resources.getResource("FailureQueue"). */
  readonly resources: CfnInclude;

  constructor(scope: Construct, id: string, props: ImgmillProps) {
    super(scope, id);
    const { name, zip, sourceBucket, targetBucket, suffixes, prefix, ...settings } = props;
    if (!/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/.test(name)) {
      throw new Error(`imgmill: invalid name ${JSON.stringify(name)}: use 3 to 40 of the characters a-z, 0-9 and -, start with a letter, and do not end with -`);
    }
    const bucketName = (b: string | s3.IBucket) => (typeof b === "string" ? b : b.bucketName);
    if (bucketName(sourceBucket) === bucketName(targetBucket)) {
      throw new Error("imgmill: source and target are one bucket: a function that writes to the bucket that triggers it calls itself endlessly");
    }
    const code = new Asset(this, "Code", { path: zip });
    const values: Record<string, any> = {
      SourceBucketName: bucketName(sourceBucket),
      TargetBucketName: bucketName(targetBucket),
      CreateSourceBucket: String(typeof sourceBucket === "string"),
      CreateTargetBucket: String(typeof targetBucket === "string"),
      CodeBucket: code.s3BucketName,
      CodeKey: code.s3ObjectKey,
      ImgmillName: name,
      StackName: "imgmill-" + name,
      NotifyFromTemplate: "false",
    };
    for (const [property, value] of Object.entries(settings)) {
      if (value !== undefined) values[parameters[property as keyof ImgmillSettings]] = Array.isArray(value) ? value.join(",") : String(value);
    }

    const whole = JSON.parse(readFileSync(join(__dirname, "..", "template.json"), "utf8"));
    for (const [parameter, p] of Object.entries<any>(whole.Parameters)) values[parameter] ??= p.Default;
    check(whole.Parameters, values);
    const template = fold(whole, values);
    // The commands of imgmill read the outputs of a stack of this name; without one, they look at the function.
    const known = Stack.of(this).stackName === values.StackName;
    if (!known) delete template.Outputs;
    // CfnInclude reads a file.
    const folder = mkdtempSync(join(tmpdir(), "imgmill-"));
    try {
      writeFileSync(join(folder, "template.json"), JSON.stringify(template));
      this.resources = new CfnInclude(this, "Resources", {
        templateFile: join(folder, "template.json"), parameters: values, preserveLogicalIds: false,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }

    const fn = this.resources.getResource("ImageResizerFunction") as lambda.CfnFunction;
    Tags.of(fn).add("imgmill:name", name); // by which imgmill's commands know it
    this.role = iam.Role.fromRoleArn(this, "Role", (this.resources.getResource("LambdaResizeRole") as iam.CfnRole).attrArn);
    this.function = lambda.Function.fromFunctionAttributes(this, "Function", { functionArn: fn.attrArn, role: this.role, sameEnvironment: true });
    const queue = (id: string) => sqs.Queue.fromQueueArn(this, id, (this.resources.getResource(id) as sqs.CfnQueue).attrArn);
    this.failureQueue = queue("FailureQueue");
    if (values.Trigger === "queue") this.workQueue = queue("WorkQueue");
    const bucket = (id: string, given: string | s3.IBucket) =>
      typeof given === "string" ? s3.Bucket.fromCfnBucket(this.resources.getResource(id) as s3.CfnBucket) : given;
    this.sourceBucket = bucket("SourceBucket", sourceBucket);
    this.targetBucket = bucket("TargetBucket", targetBucket);
    this.alarms = Object.entries<any>(template.Resources).filter(([, r]) => r.Type === "AWS::CloudWatch::Alarm").map(([id]) =>
      cloudwatch.Alarm.fromAlarmArn(this, id, (this.resources.getResource(id) as cloudwatch.CfnAlarm).attrArn));

    const events = ["s3:ObjectCreated:*"];
    if (props.onRemove === "remove") events.push("s3:ObjectRemoved:*");
    if (props.gateTags || props.focalTag) events.push("s3:ObjectTagging:Put");
    this.notify(events, suffixes?.length ? suffixes : [undefined], prefix);
    if (known) for (const output of Object.keys(template.Outputs)) this.resources.getOutput(output).overrideLogicalId(output);
  }

  /** Notifies the function, or the work queue, of what happens in the source bucket. */
  private notify(events: string[], suffixes: (string | undefined)[], prefix?: string): void {
    const created = this.resources.node.tryFindChild("SourceBucket") as s3.CfnBucket | undefined;
    if (!created) {
      const to = this.workQueue ? new notifications.SqsDestination(this.workQueue) : new notifications.LambdaDestination(this.function);
      for (const event of events) {
        for (const suffix of suffixes) this.sourceBucket.addEventNotification(event as s3.EventType, to, { prefix, suffix });
      }
      return;
    }
    const list = events.flatMap((event) => suffixes.map((suffix) => {
      const rules = Object.entries({ prefix, suffix }).filter(([, value]) => value).map(([name, value]) => ({ name, value: value! }));
      return { event, ...(rules.length > 0 && { filter: { s3Key: { rules } } }) };
    }));
    created.notificationConfiguration = this.workQueue
      ? { queueConfigurations: list.map((n) => ({ ...n, queue: this.workQueue!.queueArn })) }
      : { lambdaConfigurations: list.map((n) => ({ ...n, function: this.function.functionArn })) };
    // S3 checks the permission when it receives a notification.
    created.node.addDependency(this.resources.getResource(this.workQueue ? "WorkQueuePolicy" : "SourceBucketPermission"));
  }
}

/** Refuses what CloudFormation would refuse. A value that is not known yet, such as the ARN of a new key, passes. */
function check(declared: any, values: Record<string, any>): void {
  for (const [name, p] of Object.entries<any>(declared)) {
    const value = values[name];
    if (Token.isUnresolved(value)) continue;
    const wrong = (what: string) => new Error(`imgmill: ${Object.entries(parameters).find(([, n]) => n === name)?.[0] ?? name}: ${JSON.stringify(value)} is not valid; ${what}`);
    if (p.AllowedValues && !p.AllowedValues.map(String).includes(String(value))) throw wrong("use one of " + p.AllowedValues.join(", "));
    if (p.AllowedPattern && !new RegExp(`^(?:${p.AllowedPattern})$`).test(value)) throw wrong("it must have the form " + p.AllowedPattern);
    if (p.MinValue !== undefined && !(Number(value) >= p.MinValue)) throw wrong("the minimum is " + p.MinValue);
    if (p.MaxValue !== undefined && !(Number(value) <= p.MaxValue)) throw wrong("the maximum is " + p.MaxValue);
  }
}

/** Evaluates the conditions of the template, which may not refer to resources as a value may, such as the ARN of a key. */
function fold(template: any, values: Record<string, any>): any {
  const value = (v: any) => (typeof v === "object" ? values[v.Ref] : v);
  const holds = (c: any): boolean => {
    if (c.Condition) return holds(template.Conditions[c.Condition]);
    if (c["Fn::Equals"]) return String(value(c["Fn::Equals"][0])) === String(value(c["Fn::Equals"][1]));
    if (c["Fn::Not"]) return !holds(c["Fn::Not"][0]);
    if (c["Fn::Or"]) return c["Fn::Or"].some(holds);
    if (c["Fn::And"]) return c["Fn::And"].every(holds);
    throw new Error("imgmill: unknown condition " + JSON.stringify(c));
  };
  const nothing = Symbol();
  const walk = (v: any): any => {
    if (Array.isArray(v)) return v.map(walk).filter((x) => x !== nothing);
    if (typeof v !== "object" || v === null) return v;
    if (v.Ref === "AWS::NoValue") return nothing;
    if (v["Fn::FindInMap"]) return v["Fn::FindInMap"].map(value).reduce((found: any, key: any) => found[key], template.Mappings);
    if (typeof v["Fn::Sub"] === "string") {
      const text = v["Fn::Sub"].replace(/\$\{(\w+)\}/g, (hole: string, name: string) =>
        typeof values[name] === "string" && !Token.isUnresolved(values[name]) ? values[name] : hole);
      return text.includes("${") ? { "Fn::Sub": text } : text;
    }
    if (v["Fn::If"]) return walk(v["Fn::If"][holds(template.Conditions[v["Fn::If"][0]]) ? 1 : 2]);
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, walk(x)]).filter(([, x]) => x !== nothing));
  };
  const there = (part: any) => Object.fromEntries(Object.entries<any>(part)
    .filter(([, r]) => !r.Condition || holds(template.Conditions[r.Condition]))
    .map(([id, { Condition, ...r }]) => [id, walk(r)]));
  return { Parameters: template.Parameters, Resources: there(template.Resources), Outputs: there(template.Outputs) };
}
